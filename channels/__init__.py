"""Socket.IO namespaces, one module per department: rooms, their audiences, and commands."""

from channels import beds, lab, notifications

CHANNELS = (beds, notifications, lab)
"""Every department's namespace."""
