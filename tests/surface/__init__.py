"""The composed server from outside: every endpoint, command and room, as they are declared."""
