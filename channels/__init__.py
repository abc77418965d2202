"""Socket.IO namespaces, one module per department: rooms, their audiences, and commands."""

from channels import beds, lab, notifications, opd, pharmacy

CHANNELS = (beds, notifications, opd, lab, pharmacy)
"""Every department's namespace."""
