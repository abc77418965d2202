"""Socket.IO namespaces, one module per department: rooms, their audiences, and commands."""

from channels import beds

CHANNELS = (beds,)
"""Every department's namespace."""
