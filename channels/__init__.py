"""Socket.IO namespaces, one module per department: rooms with their audiences, and commands."""
