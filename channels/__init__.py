"""Socket.IO namespaces, one module per department: rooms, their audiences, and commands."""

from channels import beds, lab, notifications, opd

CHANNELS = (beds, notifications, opd, lab)
"""Every department's namespace."""
