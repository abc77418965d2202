"""hms-rt: a realtime, WebSocket-first hospital operations server."""

__version__ = "0.1.0"
