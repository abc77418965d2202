"""Socket.IO namespaces, one module per department: rooms, their audiences, and commands."""

from channels import beds, billing, ipd, lab, notifications, opd, pharmacy

CHANNELS = (beds, notifications, opd, lab, pharmacy, ipd, billing)
"""Every department's namespace."""
