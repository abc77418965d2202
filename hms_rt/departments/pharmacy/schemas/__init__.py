"""The pharmacy on the wire."""
