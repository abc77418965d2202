"""A private Valkey (or Redis), reachable over its Unix socket alone; it keeps nothing on disk."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

import redis.asyncio
from redis.exceptions import RedisError

from hms_rt.storage.embedded import binaries
from hms_rt.storage.embedded.binaries import Program
from hms_rt.storage.embedded.errors import EmbeddedError
from hms_rt.storage.embedded.server import Progress, Server


class ValkeyServer(Server):
    """Valkey, or Redis 7 or newer."""

    name: ClassVar[str] = "redis"
    title: ClassVar[str] = "Valkey"
    _program: Program | None = None

    @property
    def _socket(self) -> Path:
        return self.place.run / "kv.sock"

    @property
    def uri(self) -> str:
        """`unix:///run/folder/kv.sock`"""
        return f"unix://{quote(str(self._socket))}"

    async def prepare(self, progress: Progress) -> None:
        self._program = await asyncio.to_thread(binaries.valkey, self.source, self.account)
        progress(f"Valkey {self._program.major} from {self._program.path}")
        self.account.own(self.folder)

    async def launch(self) -> None:
        if self._program is None:
            raise EmbeddedError("Valkey was not prepared")
        self._socket.unlink(missing_ok=True)
        listen: list[str | Path] = ["--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700"]
        keep: list[str | Path] = ["--dir", self.folder, "--appendonly", "no", "--save", ""]
        child = self.spawn([self._program.path, *listen, *keep, "--daemonize", "no", "--logfile", ""])
        client = redis.asyncio.Redis(unix_socket_path=str(self._socket), socket_timeout=5)

        async def answers() -> bool:
            try:
                return bool(await client.ping())
            except (OSError, RedisError):
                return False

        try:
            await self.until_ready(child, answers)
        finally:
            await client.aclose()
