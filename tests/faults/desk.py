"""Sends commands until they are acknowledged, however often that takes, and keeps the book of them."""

import asyncio
import random
import time
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.faults.people import Person
from tests.realtime.raw import Json, Raw

AGAIN = {"unavailable", "rate_limited", "idempotency_running", "unauthenticated", "internal"}
"""Codes after which the same command is sent again, with the same key."""

ACK_S = 15.0
_TROUBLE = (aiohttp.ClientError, TimeoutError, OSError, ConnectionError)


@dataclass
class Sent:
    """One command: what it was, and what came of it."""

    kind: str
    key: str
    user: uuid.UUID
    target: str
    at: float
    attempts: int = 0
    acknowledged_at: float | None = None
    answer: Json = field(default_factory=dict)
    refused: str | None = None

    @property
    def done(self) -> bool:
        return self.acknowledged_at is not None


@dataclass
class Ledger:
    """Every command of a run. ``failures`` are answers that no client should ever see."""

    commands: list[Sent] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    copies: int = 0
    """Duplicates sent on purpose."""

    answers_again: Counter[str] = field(default_factory=Counter)

    def acknowledged(self, kind: str | None = None) -> list[Sent]:
        return [sent for sent in self.commands if sent.done and kind in (None, sent.kind)]

    @property
    def retried(self) -> int:
        return sum(sent.attempts - 1 for sent in self.commands)

    @property
    def open(self) -> list[Sent]:
        """Neither acknowledged nor refused."""
        return [sent for sent in self.commands if not sent.done and sent.refused is None]


Told = tuple[str, Json]
"""``ok`` with the result, or an error code with its body."""


class Desk:
    """One person who gives commands, over REST or over a socket of a namespace; moves to the other server
    when one does not answer. With ``doubled``, every command leaves three times at once, to both."""

    def __init__(
        self, person: Person, user: uuid.UUID, urls: list[str], ledger: Ledger, chance: random.Random
    ) -> None:
        self.person = person
        self.urls = list(urls)
        self.ledger = ledger
        self.chance = chance
        self.doubled = False
        self.told_at = 0.0
        """When a command was acknowledged or refused last."""

        self._user = user
        self._sockets: dict[tuple[str, str], Raw] = {}
        self._number = 0
        self._prefix = f"{person.name}-{chance.randrange(1 << 32):08x}"

    async def rest(
        self, kind: str, method: str, path: str, body: Json | None = None, *, version: int | None = None
    ) -> Sent:
        """A command over REST; returns once it is acknowledged or refused."""
        sent = self._begin(kind, path)

        async def attempt(url: str) -> Told:
            return await self._request(url, method, path, body, sent.key, version)

        return await self._until_told(sent, attempt)

    async def socket(self, kind: str, namespace: str, event: str, body: Json) -> Sent:
        """The same over a socket."""
        sent = self._begin(kind, f"{namespace} {event}")

        async def attempt(url: str) -> Told:
            raw = await self._raw(url, namespace)
            told = await _called(raw, namespace, event, {"id": sent.key, **body})
            if told["ok"]:
                return "ok", told.get("result", {})
            return told["error"]["code"], told["error"]

        return await self._until_told(sent, attempt)

    async def read(self, path: str) -> Json | None:
        """A read; None while the servers are in trouble."""
        try:
            code, body = await self._request(self.urls[0], "GET", path, None, None, None)
        except _TROUBLE:
            self._move_on()
            return None
        return body if code == "ok" else None

    async def close(self) -> None:
        for raw in self._sockets.values():
            with suppress(*_TROUBLE):
                await raw.close()
        self._sockets.clear()

    # --- one command

    def _begin(self, kind: str, target: str) -> Sent:
        self._number += 1
        key = f"{self._prefix}-{self._number}"
        sent = Sent(kind, key, self._user, target, time.monotonic())
        self.ledger.commands.append(sent)
        return sent

    async def _until_told(self, sent: Sent, attempt: Any) -> Sent:
        failures = 0
        while True:
            sent.attempts += 1
            url = self.urls[0]
            try:
                code, body = await self._copies(attempt) if self.doubled else await attempt(url)
            except _TROUBLE:
                code, body = "lost", {}
            if code == "ok":
                sent.answer, sent.acknowledged_at = body, time.monotonic()
                self.told_at = sent.acknowledged_at
                return sent
            if code == "internal":
                self.ledger.failures.append(f"{sent.kind}: {body}")
            if code == "unauthenticated":
                with suppress(*_TROUBLE):
                    await self.person.renew(url)
            again = code in AGAIN or code == "lost" or "retry_after_ms" in body
            if not again:
                sent.refused, self.told_at = code, time.monotonic()
                return sent
            self.ledger.answers_again[code] += 1
            failures += 1
            if code in {"lost", "unavailable", "internal"}:
                self._move_on()
            wait = min(1.0, 0.05 * 2 ** min(failures, 10))
            await asyncio.sleep(wait * self.chance.uniform(0.5, 1))

    def _move_on(self) -> None:
        self.urls.append(self.urls.pop(0))

    async def _copies(self, attempt: Any) -> Told:
        """Three at once to all servers, then one more; those that succeed must say the same."""
        urls = (self.urls * 3)[:3]
        self.ledger.copies += len(urls)
        outcomes = await asyncio.gather(*(attempt(url) for url in urls), return_exceptions=True)
        told: list[Told] = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
        answers = [body for code, body in told if code == "ok"]
        if not answers:
            return told[0] if told else ("lost", {})
        code, again = await attempt(urls[0])
        answers += [again] if code == "ok" else []
        if any(answer != answers[0] for answer in answers):
            self.ledger.failures.append(f"copies of one command were answered differently: {answers}")
        strange = {code for code, _ in told} - {"ok", "idempotency_running"}
        if strange:
            self.ledger.failures.append(f"copies of one command were answered {strange}")
        return "ok", answers[0]

    # --- ways

    async def _request(
        self, url: str, method: str, path: str, body: Json | None, key: str | None, version: int | None
    ) -> Told:
        headers = {} if key is None else {"Idempotency-Key": key}
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        async with self.person.session.request(
            method, f"{url}/api/v1{path}", json=body, headers=headers
        ) as answer:
            told = await answer.json(content_type=None) if answer.status != 204 else {}
            if answer.status < 300:
                return "ok", told
            return str(told["code"]), told

    async def _raw(self, url: str, namespace: str) -> Raw:
        raw = self._sockets.get((url, namespace))
        if raw is not None:
            if not raw.closed.is_set():
                return raw
            del self._sockets[(url, namespace)]
            await raw.close()
        try:
            raw = await asyncio.wait_for(Raw.dial(url, self.person.cookie()), 10)
        except aiohttp.WSServerHandshakeError as refused:
            if refused.status == 401:
                await self.person.renew(url)
            raise
        self._sockets[(url, namespace)] = raw
        told = await raw.enter(namespace)
        if "sid" not in told:
            raw.closed.set()
            raise ConnectionError(f"refused: {told}")
        return raw


async def _called(raw: Raw, namespace: str, event: str, body: Json) -> Json:
    """The acknowledgement; raises ``ConnectionError`` as soon as there can be none."""
    asked = asyncio.ensure_future(raw.call(namespace, event, body, seconds=ACK_S))
    lost = asyncio.ensure_future(raw.closed.wait())
    try:
        await asyncio.wait({asked, lost}, return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            raise ConnectionError("the connection ended before the answer")
        told: Json = asked.result()
        return told
    finally:
        asked.cancel()
        lost.cancel()
