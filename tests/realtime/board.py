"""A board as a client must write it: one rule (DESIGN §5), nothing else, and no help from the server."""

from typing import Any

from tests.realtime.raw import Json, Raw, until


class Board:
    """Follows one room. ``broken`` says what the server did that it must never do.

    epoch differs: subscribe anew; ``to <= mine``: ignore; ``from <= mine < to``: apply; ``from > mine``:
    subscribe with ``since``; a snapshot replaces everything.
    """

    def __init__(self, raw: Raw, namespace: str, room: str) -> None:
        self.raw = raw
        self.namespace = namespace
        self.room = room
        self.state: dict[str, Any] = {}
        self.epoch = ""
        self.version = -1
        self.audience = ""
        self.asked = 0
        self.snapshots = 0
        self.revoked: str | None = None
        self.refused: Json | None = None
        self.broken: list[str] = []
        self.modes: list[str] = []
        self.changes: list[Json] = []
        self._asking = False
        self._joined = False
        self._wanted: Json | None = None
        raw.heard[namespace] = self._heard

    async def subscribe(self) -> None:
        """Join, from where this board stopped if it has been there before; returns when joined or refused."""
        self._want(resume=self.version >= 0)
        while self._wanted is not None:
            await self.pursue()
        await until(lambda: not self._asking)

    async def move(self, raw: Raw) -> None:
        """Go on over another connection."""
        self.raw = raw
        self._joined = self._asking = False
        raw.heard[self.namespace] = self._heard
        await self.subscribe()

    async def pursue(self) -> None:
        """Send the subscribe that an event made necessary, if one did."""
        wanted, self._wanted = self._wanted, None
        if wanted is not None:
            self.asked += 1
            await self.raw.ask(self.namespace, self._answered, "subscribe", wanted)

    async def reach(self, version: int, seconds: float = 30) -> None:
        """Wait until the board shows this version, doing meanwhile what the rule says."""
        await self._until(lambda: self.version >= version, seconds)

    async def settle(self, state: Json, seconds: float = 30) -> None:
        """Wait until the board shows exactly this."""
        await self._until(lambda: self.state == state, seconds)

    async def _until(self, condition: Any, seconds: float) -> None:
        hundredths = round(seconds * 100)
        while not condition() and hundredths > 0:
            await self.pursue()
            hundredths -= 1
            try:
                await until(condition, 0.01)
            except TimeoutError:
                continue
        assert not self.broken, self.broken
        assert condition(), f"{self.room}: stopped at version {self.version} of {self.epoch}: {self.state}"

    def _want(self, *, resume: bool) -> None:
        since = {"epoch": self.epoch, "version": self.version}
        self._wanted = {"room": self.room, "since": since} if resume else {"room": self.room}
        self._asking = True

    def _answered(self, answer: Json) -> None:
        self._asking = False
        if not answer["ok"]:
            self.refused = answer["error"]
            return
        self._joined = True
        self.modes.append(answer["mode"])
        self.audience = answer["audience"]
        if answer["mode"] == "snapshot":
            self.state = dict(answer["state"])
        elif answer["epoch"] != self.epoch:
            self.broken.append("resumed into another epoch")
        for change in answer.get("changes", ()):
            self._apply(change)
        self.epoch, self.version = answer["epoch"], answer["version"]

    def _heard(self, event: str, body: Json) -> None:
        if event == "heartbeat":
            self._beat(body)
        elif body.get("room") != self.room:
            return
        elif event == "revoked":
            self._joined, self.revoked = False, body["code"]
        elif self._asking:
            return  # the answer holds it already
        elif not self._joined:
            self.broken.append(f"{event} of a room that was not joined")
        elif event == "snapshot":
            self.snapshots += 1
            self.state, self.audience = dict(body["state"]), body["audience"]
            self.epoch, self.version = body["epoch"], body["version"]
        elif event == "change":
            self._changed(body)

    def _changed(self, change: Json) -> None:
        self.changes.append(change)
        if not change["from"] < change["to"]:
            self.broken.append(f"a change from {change['from']} to {change['to']}")
        if change["epoch"] != self.epoch:
            self._want(resume=False)
        elif change["from"] > self.version:
            self._want(resume=True)
        elif change["to"] > self.version:
            self._apply(change)
            self.version = change["to"]

    def _apply(self, change: Json) -> None:
        for op in change["ops"]:
            if op["op"] == "put":
                self.state[op["key"]] = op["value"]
            else:
                self.state.pop(op["key"], None)

    def _beat(self, body: Json) -> None:
        """Nothing is lost on the way, so the head that the server sent last is here already."""
        head = body["heads"].get(self.room)
        if head is not None and not self._asking and head[0] == self.epoch and head[1] > self.version:
            self.broken.append(f"a heartbeat tells version {head[1]}, {self.version} is here")
