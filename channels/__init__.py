"""Socket.IO namespaces, one module per department: rooms, their audiences, and commands."""
