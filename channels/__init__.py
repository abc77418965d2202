"""Socket.IO namespaces, one module per department: rooms, their audiences, and commands."""

from channels import beds, notifications

CHANNELS = (beds, notifications)
"""Every department's namespace."""
