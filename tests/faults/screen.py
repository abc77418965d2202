"""A board that never gives up: it reconnects, to whichever server answers, and follows the client's rule."""

import asyncio
import random
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

import aiohttp

from tests.faults.cast import Seat
from tests.faults.people import Person
from tests.realtime.board import Board
from tests.realtime.raw import Json, Raw

STALE_S = 15.0
SILENT_S = 45.0
"""Socket.IO's own patience: ping interval and time-out. A client that hears nothing that long reconnects."""

_TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, ConnectionError)


class Screen:
    """One seat at one of the ``urls``; it goes to the next one whenever a connection fails."""

    def __init__(self, seat: Seat, person: Person, urls: list[str], chance: random.Random) -> None:
        self.seat = seat
        self.person = person
        self.urls = list(urls)
        self.board: Board | None = None
        self.record: list[str] = []
        """Every text frame of connections that are over; of the present one, they are in ``raw.frames``."""

        self.connections = 0
        self.proven_at = 0.0
        self.longest_silence = 0.0
        self.delays_ms: list[float] | None = None
        """Commit to here, of every change, while somebody wants to know."""

        self.troubles: list[str] = []
        self._chance = chance
        self._raw: Raw | None = None
        self._live = False
        self._away_s = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"screen {self.seat.who} {self.seat.room}")

    async def stop(self) -> None:
        """Hang up for good."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._hang_up()

    @property
    def live(self) -> bool:
        """Subscribed on a connection that is open."""
        return self._live and self._raw is not None and not self._raw.closed.is_set()

    @property
    def stale(self) -> bool:
        """What a screen would tell its viewers."""
        return time.monotonic() - self.proven_at > STALE_S

    def frames(self) -> list[str]:
        """Every frame that this screen ever received."""
        return self.record + (self._raw.frames if self._raw is not None else [])

    def shows(self, epoch: str | None, version: int, since: float) -> bool:
        """Whether it has proof, newer than ``since``, that it shows at least this version."""
        board = self.board
        if board is None or not self.live or self.proven_at < since:
            return False
        return board.version >= version and (epoch is None or board.epoch == epoch)

    # --- the life of a screen

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._connect(self.urls[0])
                failures = 0
                await self._follow()
            except _TROUBLE as error:
                self.troubles.append(type(error).__name__)
                failures += 1
            finally:
                await self._hang_up()
            self.urls.append(self.urls.pop(0))
            pause = self._away_s or min(2.0, 0.1 * 2**failures) * self._chance.uniform(0.5, 1)
            self._away_s = 0.0
            await asyncio.sleep(pause)

    async def _connect(self, url: str) -> None:
        try:
            raw = await asyncio.wait_for(Raw.dial(url, self.person.cookie()), 10)
        except aiohttp.WSServerHandshakeError as refused:
            if refused.status == 401:
                await self.person.renew(url)
            raise
        self._raw = raw
        self.connections += 1
        told = await raw.enter(self.seat.namespace, 10)
        if "sid" not in told:
            raise ConnectionError(f"refused by the namespace: {told}")
        await self._subscribe(raw)

    async def _subscribe(self, raw: Raw) -> None:
        if self.board is None:
            self.board = Board(raw, self.seat.namespace, self.seat.room)
            raw.heard[self.seat.namespace] = self._heard
            await self.board.subscribe()
        else:
            self.board.refused = None
            self.board.raw = raw
            self.board._joined = self.board._asking = False
            raw.heard[self.seat.namespace] = self._heard
            await self.board.subscribe()
        if self.board.refused is not None:
            raise ConnectionError(f"refused: {self.board.refused['code']}")
        self.board.revoked = None
        self._live = True
        self._proven()

    async def _follow(self) -> None:
        """Until the connection ends, is silent for too long, or the room is taken away."""
        raw, board = self._raw, self.board
        assert raw is not None
        assert board is not None
        heard, heard_at = len(raw.frames), time.monotonic()
        while not raw.closed.is_set() and not self._away_s and board.revoked is None:
            await board.pursue()
            if len(raw.frames) != heard:
                heard, heard_at = len(raw.frames), time.monotonic()
            elif time.monotonic() - heard_at > SILENT_S:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(raw.closed.wait(), 0.05)

    async def _hang_up(self) -> None:
        raw, self._raw, self._live = self._raw, None, False
        if raw is not None:
            with suppress(*_TROUBLE):
                await raw.close()
            self.record += raw.frames

    # --- what comes

    def _heard(self, event: str, body: Json) -> None:
        board = self.board
        assert board is not None
        if event == "going_away":
            self._away_s = body["retry_in_ms"] / 1000 / 5  # a run has minutes, not hours
            return
        board._heard(event, body)
        if event in {"heartbeat", "change", "snapshot"}:
            self._proven()
        if event == "change" and self.delays_ms is not None:
            self.delays_ms.append(_age_ms(body))

    def _proven(self) -> None:
        now = time.monotonic()
        if self.proven_at:
            self.longest_silence = max(self.longest_silence, now - self.proven_at)
        self.proven_at = now


def _age_ms(change: dict[str, Any]) -> float:
    return (time.time() - datetime.fromisoformat(change["at"]).timestamp()) * 1000
