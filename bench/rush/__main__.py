"""Fifty cashiers and dispensers at once over two server processes: commands a second, how long they wait.

On one lot, one invoice, one counter; and spread over as many as there are people, to compare. Afterwards
rows are counted: as many as commands were done. ``--update`` writes the outcome to ``docs/rush.md``.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from rich.console import Console
from sqlalchemy import text

from bench import figures, harness, machine
from bench.harness import PASSWORD, Ground
from bench.rush.furnish import BOSS, COUNTER, Line, Rush, furnish, payment
from bench.scenarios.commit import quantile
from bench.subjects import Cores
from hms_rt.app import Hospital
from hms_rt.logs import configure

DOCS = Path(__file__).parents[2] / "docs" / "rush.md"
SERVERS = 2
WARM_UP_S = 1.0
DISPENSES = "SELECT count(*) FROM pharmacy_dispense"
PAYMENTS = "SELECT count(*) FROM billing_payment"
SUMS = (
    "SELECT count(*) FROM pharmacy_stock s WHERE quantity <> (SELECT sum(delta) FROM pharmacy_ledger l"
    " WHERE l.lot_id = s.lot_id AND l.store = s.store)",
    "SELECT count(*) FROM billing_invoice WHERE paid > total",
    "SELECT max(last) - (SELECT count(*) FROM billing_payment) FROM billing_series WHERE series = 'receipt'",
    "SELECT sum(cash) - (SELECT sum(amount) FROM billing_payment) FROM billing_shift",
)
"""All of them are 0, or something does not add up."""

Ask = Callable[[int], tuple[str, dict[str, Any]]]
"""Number of the person -> path and body of the next command."""


@dataclass
class Measured:
    """What came of one scenario; waits in seconds, of what was done."""

    title: str
    seconds: float = 0.0
    waits: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def row(self) -> list[str]:
        """As a line of the table."""
        ms = [wait * 1000 for wait in self.waits]
        refused = sum(count for status, count in self.statuses.items() if status == 409)
        return [
            self.title,
            figures.plain(len(ms) / self.seconds),
            figures.tenths(quantile(ms, 0.5)),
            figures.tenths(quantile(ms, 0.99)),
            figures.plain(refused),
        ]


class Crowd:
    """Everybody, signed in, half of them at each server."""

    def __init__(
        self, sessions: Sequence[aiohttp.ClientSession], boss: Sequence[aiohttp.ClientSession]
    ) -> None:
        self._own, self._boss = sessions, boss

    async def measure(self, title: str, ask: Ask, seconds: float, *, as_boss: bool = False) -> Measured:
        """Everybody gives one command after the other; raises ``RuntimeError`` for an error of the server."""
        found = Measured(title)
        sessions = [self._boss[number % SERVERS] for number in range(len(self._own))]
        began = time.monotonic()
        counted_from, until = began + WARM_UP_S, began + WARM_UP_S + seconds
        all_done: Counter[int] = Counter()

        async def work(number: int, session: aiohttp.ClientSession) -> None:
            while (sent := time.monotonic()) < until:
                path, body = ask(number)
                async with session.post(f"/api/v1{path}", json=body) as answer:
                    await answer.read()
                all_done[answer.status] += 1
                if answer.status not in (201, 409):
                    raise RuntimeError(f"{path}: {answer.status} {await answer.text()}")
                if sent >= counted_from:
                    found.statuses[answer.status] += 1
                    if answer.status == 201:
                        found.waits.append(time.monotonic() - sent)

        await asyncio.gather(*map(work, range(len(sessions)), sessions if as_boss else self._own))
        found.seconds = time.monotonic() - counted_from
        self.done = all_done[201]
        return found


def _dispensing(lines: Sequence[Line]) -> Ask:
    def ask(number: int) -> tuple[str, dict[str, Any]]:
        one = lines[number]
        wanted = {"lines": [{"line_id": str(one.line), "quantity": "1"}]}
        return f"/prescriptions/{one.prescription}/dispenses", wanted

    return ask


class HotInvoice:
    """Everybody pays the same invoice; once nothing of it is due, the next one. At the same time, those who
    come too late are refused."""

    def __init__(self, rush: Rush, each: int) -> None:
        self._rush, self._each, self._asked = rush, each, 0

    def __call__(self, number: int) -> tuple[str, dict[str, Any]]:
        paper = self._rush.hot[self._asked // self._each % len(self._rush.hot)]
        self._asked += 1
        return "/billing/payments", payment(paper.patient, f"C-{number:02}", paper.invoice)


async def _rounds(
    crowd: Crowd, rush: Rush, seconds: float, place: Ground, console: Console
) -> list[Measured]:
    def own_invoice(number: int) -> tuple[str, dict[str, Any]]:
        paper = rush.own_invoices[number]
        return "/billing/payments", payment(paper.patient, f"C-{number:02}", paper.invoice)

    def one_counter(number: int) -> tuple[str, dict[str, Any]]:
        return "/billing/payments", payment(rush.patients[number], COUNTER)

    scenarios: tuple[tuple[str, Ask, str], ...] = (
        ("dispenses of one lot", _dispensing(rush.same_lot), DISPENSES),
        ("dispenses of a lot each", _dispensing(rush.own_lots), DISPENSES),
        ("parts of one invoice, a counter each", HotInvoice(rush, 220), PAYMENTS),
        ("deposits at one counter", one_counter, PAYMENTS),
        ("payments of an invoice each, a counter each", own_invoice, PAYMENTS),
    )
    found = []
    for title, ask, counted in scenarios:
        before = await _counts(place, [counted])
        measured = await crowd.measure(title, ask, seconds, as_boss=ask is one_counter)
        after = await _counts(place, [counted])
        if after[0] - before[0] != crowd.done:
            raise RuntimeError(f"{title}: {crowd.done} were done, {after[0] - before[0]} are stored")
        if any(await _counts(place, SUMS)):
            raise RuntimeError(f"{title}: something does not add up")
        console.print("  " + "  ".join(measured.row()), highlight=False)
        found.append(measured)
    return found


async def _counts(place: Ground, queries: Sequence[str]) -> list[int]:
    hospital = Hospital(place.settings, place.stores)
    try:
        async with hospital.engine.connect() as connection:
            return [int((await connection.execute(text(query))).scalar_one() or 0) for query in queries]
    finally:
        await hospital.close()


async def _signed_in(stack: AsyncExitStack, url: str, name: str) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.CookieJar(unsafe=True)
    session = await stack.enter_async_context(aiohttp.ClientSession(url, connector=connector, cookie_jar=jar))
    signed = {"username": name, "password": PASSWORD}
    async with session.post("/api/v1/auth/login", json=signed) as answer:
        answer.raise_for_status()
    return session


async def _measure(arguments: argparse.Namespace, console: Console) -> list[Measured]:
    async with harness.ground(beds=1) as place, AsyncExitStack() as stack:
        cheap = {**place.environment, "PASSWORD_COST": "4"}  # fifty people sign in
        place = replace(
            place, environment=cheap, settings=place.settings.model_copy(update={"password_cost": 4})
        )
        hospital = Hospital(place.settings, place.stores)
        try:
            rush = await furnish(hospital, arguments.people)
        finally:
            await hospital.close()
        servers = [await stack.enter_async_context(harness.serving(place)) for _ in range(SERVERS)]
        urls = [server.url for server in servers]

        def signing(number: int, name: str) -> Awaitable[aiohttp.ClientSession]:
            return _signed_in(stack, urls[number % SERVERS], name)

        own = [await signing(number, name) for number, name in enumerate(rush.people)]
        boss = [await signing(number, BOSS) for number in range(SERVERS)]
        return await _rounds(Crowd(own, boss), rush, arguments.seconds, place, console)


def report(found: Sequence[Measured], arguments: argparse.Namespace) -> str:
    """The page."""
    described = machine.description(Cores.of_this_machine())
    head = ["", "done / s", "p50 ms", "p99 ms", "refused (409)"]
    return "\n".join(
        (
            "# Rush hour: many at once on the same thing",
            "",
            f"`python -m bench.rush --people {arguments.people} --seconds {arguments.seconds:g} --update`:",
            f"{arguments.people} people give one command after the other over {SERVERS} server processes, by",
            "REST. Servers, stores (durable) and clients share the machine. After each line rows are counted",
            "and sums recomputed: as many as were done, nothing below zero or paid twice, no number missing.",
            "",
            figures.table(head, [measured.row() for measured in found]),
            "",
            "One lot, one invoice or one counter is one row that everybody waits for. Receipts take their",
            "numbers from one row of the facility, wherever they are written: numbers without gaps are given",
            "one after the other. Who comes when the invoice is paid is refused: 409, and nothing is stored.",
            "Before such a row everybody waits in turn (`wait_in_turn`, `billing_next_number`): without,",
            "PostgreSQL lets in whoever finds the newest version of the row first, and the 99th percentile",
            "was 4.0 s on one lot, 4.7 s at one counter, 3.2 s for payments of an invoice each.",
            "",
            f"{described['processor']}, {described['memory']}, {described['kernel']}.",
            "",
        )
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.rush", description=__doc__)
    parser.add_argument("--people", type=int, default=50, help="at once")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each line, after a second to warm up")
    parser.add_argument("--update", action="store_true", help="write docs/rush.md")
    arguments = parser.parse_args()
    configure("ERROR")
    console = Console(width=150)
    page = report(uvloop.run(_measure(arguments, console)), arguments)
    console.print(page, highlight=False, markup=False)
    if arguments.update:
        DOCS.write_text(page)


if __name__ == "__main__":
    main()
