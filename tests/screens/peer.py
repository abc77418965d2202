"""A server that speaks the wire contract and nothing else, so that a test decides what the screens hear.

It stands where the network is: it can lose a change, fall silent, go back in time, refuse or restart.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import socketio
from aiohttp import web

from hms_rt.screens.pages import add_screens
from hms_rt.web.security_headers import add_security_headers
from hms_rt.web.settings import WEB_SETTINGS, WebSettings

Json = dict[str, Any]


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


class Peer:
    """One room of one namespace, scripted by the test.

    ``asked`` holds every subscribe that came in, ``commands`` every other command.
    """

    def __init__(
        self, namespace: str, room: str, state: Mapping[str, Any], audience: str = "display"
    ) -> None:
        self.namespace = namespace
        self.room = room
        self.state: Json = dict(state)
        self.audience = audience
        self.epoch = "epoch-1"
        self.version = 100
        self.log: list[Json] = []
        self.asked: list[Json] = []
        self.commands: list[Json] = []
        self.refuse_with: list[Json] = []
        self.me: Json | None = {"kind": "device", "name": "Screen", "roles": [], "rooms": []}
        self.beating = True
        self.port = 0
        self._sent = self.version
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, after a stop on the same port as before."""
        self.sio = socketio.AsyncServer(async_mode="aiohttp", transports=["websocket"], allow_upgrades=False)
        self.joined: set[str] = set()
        self.sio.on("subscribe", self._subscribe, namespace=self.namespace)
        self.sio.on("seen", self._seen, namespace=self.namespace)
        self.sio.on("connect", self._connect, namespace=self.namespace)
        self.sio.on("disconnect", self._disconnect, namespace=self.namespace)
        app = web.Application(middlewares=[self._handshake])
        app[WEB_SETTINGS] = WebSettings()
        app.on_response_prepare.append(add_security_headers)
        add_screens(app)
        app.router.add_get("/api/v1/auth/me", self._me)
        app.router.add_post("/api/v1/auth/login", self._login)
        self.sio.attach(app)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._spawn(self._beat())

    async def stop(self) -> None:
        """Go away without a word, as a server that is killed does."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.sio.shutdown()
        if self._runner is not None:
            await self._runner.cleanup()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- what a test can make happen

    async def put(self, key: str, value: Json, *, lose: bool = False, silent: bool = False) -> None:
        """Change one entity. ``lose``: the change does not arrive; ``silent``: it shows nothing."""
        if not silent:
            self.state[key] = value
        await self._advance({"op": "put", "key": key, "value": value, "cause": "test"}, lose or silent)

    async def remove(self, key: str) -> None:
        self.state.pop(key, None)
        await self._advance({"op": "remove", "key": key, "cause": "test"}, lose=False)

    async def _advance(self, op: Json, lose: bool) -> None:
        self.version += 1
        self.log.append({"version": self.version, "op": op})
        if not lose:
            await self.change(self._sent, self.version, [op])

    async def change(self, begin: int, end: int, ops: list[Json], epoch: str | None = None) -> None:
        """Send a change as it is, right or wrong."""
        self._sent = end
        change = {"epoch": epoch or self.epoch, "from": begin, "to": end, "at": now(), "ops": ops}
        await self.tell("change", {"room": self.room, **change})

    async def pretend_sent(self) -> None:
        """Take the lost changes as sent: the next change starts after them."""
        self._sent = self.version

    async def go_back_in_time(self, state: Mapping[str, Any]) -> None:
        """A restored database: another epoch, a lower version, another state."""
        self.epoch += "+"
        self.version = self._sent = 7
        self.state = dict(state)
        self.log.clear()

    async def snapshot(self) -> None:
        await self.tell("snapshot", {"room": self.room, **self._head(), "state": self.state})

    async def heartbeat(self) -> None:
        await self.tell("heartbeat", {"at": now(), "heads": {self.room: [self.epoch, self.version]}})

    async def tell(self, event: str, message: Json) -> None:
        for sid in list(self.joined):
            await self.sio.emit(event, message, to=sid, namespace=self.namespace)

    async def asked_again(self, times: int) -> Json:
        """Wait for the ``times``-th subscribe."""
        async with asyncio.timeout(15):
            while len(self.asked) < times:
                await asyncio.sleep(0.02)
        return self.asked[times - 1]

    # --- what a client finds

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            if self.beating:
                await self.heartbeat()

    async def _connect(self, sid: str, environ: Json, auth: Any = None) -> None:
        return None

    async def _disconnect(self, sid: str, reason: str = "") -> None:
        self.joined.discard(sid)

    async def _subscribe(self, sid: str, wanted: Json) -> Json:
        self.asked.append(wanted)
        if wanted["room"] != self.room:
            return {"ok": False, "error": {"code": "unknown_room", "message": "there is no such room"}}
        if self.refuse_with:
            return {"ok": False, "error": self.refuse_with.pop(0)}
        self.joined.add(sid)
        self._sent = self.version
        common = {"ok": True, "room": self.room, **self._head()}
        since = wanted.get("since")
        if since is None or since["epoch"] != self.epoch or since["version"] > self.version:
            return {**common, "mode": "snapshot", "state": self.state}
        ops = [entry["op"] for entry in self.log if entry["version"] > since["version"]]
        missed = {"from": since["version"], "to": self.version, "at": now(), "ops": ops}
        return {**common, "mode": "resume", "changes": [missed] if ops else []}

    async def _seen(self, sid: str, command: Json) -> Json:
        self.commands.append(command)
        for key in command["ids"]:
            await self.remove(key)
        return {"ok": True, "result": {"unseen": 0}}

    def _head(self) -> Json:
        return {"audience": self.audience, "epoch": self.epoch, "version": self.version, "as_of": now()}

    @web.middleware
    async def _handshake(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path == "/socket.io/" and self.me is None:
            return web.json_response({"code": "unauthenticated"}, status=401)
        return cast("web.StreamResponse", await handler(request))

    async def _me(self, request: web.Request) -> web.Response:
        return web.json_response(self.me or {"code": "unauthenticated"}, status=200 if self.me else 401)

    async def _login(self, request: web.Request) -> web.Response:
        given = await request.json()
        if given != {"username": "nurse", "password": "right"}:
            return web.json_response({"code": "unauthenticated"}, status=401)
        self.me = {"kind": "user", "name": "Nurse Ana", "roles": ["nurse"], "rooms": []}
        return web.json_response(self.me)
