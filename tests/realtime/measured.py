"""Reads ``/metrics`` of a listening server, and says what moved between two looks."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


class Scrape:
    """One look at ``/metrics``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._values: dict[tuple[str, Labels], float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._values[(sample.name, frozenset(sample.labels.items()))] = sample.value

    def value(self, name: str, **labels: str) -> float:
        """One sample; 0 if it is not there yet."""
        return self._values.get((name, frozenset(labels.items())), 0.0)

    def names(self) -> set[str]:
        """Every sample's name."""
        return {name for name, _ in self._values}


async def scrape(server: TestServer) -> Scrape:
    """Look now."""
    async with ClientSession() as session, session.get(server.make_url("/metrics")) as answer:
        assert answer.status == 200
        return Scrape(await answer.text())


class Moved:
    """What counted up since this was made."""

    def __init__(self, server: TestServer, before: Scrape) -> None:
        self._server = server
        self._before = before

    @classmethod
    async def since_now(cls, server: TestServer) -> "Moved":
        return cls(server, await scrape(server))

    async def by(self, name: str, **labels: str) -> float:
        """How far a sample has moved by now."""
        now = await scrape(self._server)
        return now.value(name, **labels) - self._before.value(name, **labels)


async def eventually(measure: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait for a gauge, which is set once a second, or for a count."""
    async with asyncio.timeout(seconds):
        while not await measure():
            await asyncio.sleep(0.05)


async def gauge(server: TestServer, wanted: float, name: str, **labels: str) -> None:
    """Wait until a gauge shows ``wanted``; the time-out tells what it shows instead."""
    last: Scrape | None = None

    async def shows() -> bool:
        nonlocal last
        last = await scrape(server)
        return last.value(name, **labels) == wanted

    try:
        await eventually(shows)
    except TimeoutError:
        assert last is not None
        assert last.value(name, **labels) == wanted, (name, labels)


async def eventually_true(condition: Callable[[], bool]) -> None:
    async def asked() -> bool:
        return condition()

    await eventually(asked)
