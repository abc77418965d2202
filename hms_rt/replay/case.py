"""What a replay knows of a case while it plays: the patient, the visit, the bed. And the hands that act."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from hms_rt.kernel.clock import rfc3339
from hms_rt.kernel.principal import Role
from hms_rt.replay.client import Body, RefusedError
from hms_rt.replay.mapping import LogMapping, fill
from hms_rt.replay.report import Outcome
from hms_rt.replay.staff import Staff
from hms_rt.replay.timeline import Batch

COUNTER_SECONDS = 30.0
"""How long a patient waits for a counter that other cases of the replay hold."""


class SkippedError(Exception):
    """Nothing was done, on purpose; the message says why."""


@dataclass
class Case:
    """One case. ``person`` holds the values that describe its patient, whichever row said them.

    ``provisional``: treated before anybody registered. ``left_bed``: waits to be cleaned. ``order``: what
    the laboratory was asked for last. ``given_up``: why nothing of this case is played.
    """

    id: str
    person: Mapping[str, str]
    patient: dict[str, Any] | None = None
    provisional: bool = False
    clinic: str | None = None
    token: str | None = None
    token_state: str = ""
    counter: str | None = None
    visit: str | None = None
    visits: int = 0
    admission: str | None = None
    ward: str | None = None
    bed: str | None = None
    left_bed: str | None = None
    tests: dict[str, str] = field(default_factory=dict)
    """Test code -> the test that was ordered last, until it is released."""
    order: dict[str, Any] | None = None
    given_up: str | None = None

    @property
    def patient_id(self) -> str:
        """The patient; raises ``SkippedError`` while there is none."""
        if self.patient is None:
            raise SkippedError("nobody was registered for this case")
        return str(self.patient["id"])


class Counters:
    """The counters of each clinic that this replay may call patients to, so that no two cases share one.

    They take turns: one that somebody else occupies comes again last.
    """

    def __init__(self, codes: Mapping[str, Sequence[str]]) -> None:
        self._free: dict[str, asyncio.Queue[str]] = {}
        for clinic, several in codes.items():
            self._free[clinic] = asyncio.Queue()
            for code in several:
                self._free[clinic].put_nowait(code)

    async def take(self, clinic: str, *, wait: bool) -> str:
        """A free counter; raises ``RefusedError`` when there is none (with ``wait``, for a while)."""
        queue = self._free.get(clinic)
        if queue is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(COUNTER_SECONDS if wait else 0):
                    return await queue.get()
        raise RefusedError(409, "no_counter", f"clinic {clinic} has no free counter")

    def number(self, clinic: str) -> int:
        """How many are free now."""
        return self._free[clinic].qsize() if clinic in self._free else 0

    def give_back(self, clinic: str, counter: str) -> None:
        """The counter is free again."""
        self._free[clinic].put_nowait(counter)


@dataclass
class World:
    """What all cases share.

    ``prefix`` begins every idempotency key. ``run`` names a further run of the same file. ``clean_ward``
    cleans what waits for it in a full ward, and answers whether a bed became available. ``counts`` says
    what no row tells, such as critical values; ``escalation_patience`` is how long, in seconds, one waits for
    the next steps of such a value.
    """

    mapping: LogMapping
    staff: Staff
    counters: Counters
    prefix: str
    run: str
    clean_ward: Callable[[str], Awaitable[bool]]
    escalation_patience: float = 20.0
    counts: Counter[str] = field(default_factory=Counter)


class Scene:
    """One batch being played: who acts, under which idempotency keys, and what came of each row."""

    def __init__(self, world: World, case: Case, batch: Batch) -> None:
        self.world = world
        self.case = case
        self.batch = batch
        self.row = batch.rows[0]
        self.fresh = 0
        self.repeated = 0
        self.refusals: dict[int, RefusedError] = {}
        self._step = ""
        ending = "end" if batch.ending else ""
        self._key = f"{world.prefix}:{self.row.number}{ending}"

    @property
    def outcome(self) -> Outcome:
        """Of the rows that were not refused."""
        return Outcome.BEFORE if self.repeated and not self.fresh else Outcome.APPLIED

    def text(self, template: str) -> str:
        """A template filled in from the row."""
        return fill(template, self.row.values)

    def begin(self, action: int) -> None:
        """Further commands belong to that action of the row."""
        self._step = f":{action}"

    async def do(
        self,
        role: Role,
        path: str,
        body: Body | None = None,
        *,
        step: str,
        timed: bool = True,
        other: int = 0,
        key: str | None = None,
    ) -> dict[str, Any]:
        """A command by somebody with ``role``, at the time of the row; raises ``RefusedError``.

        ``step`` tells the commands of an action apart; ``other`` = 1 lets a colleague act. ``key`` replaces
        the idempotency key, for what happens once in a case whichever row comes first.
        """
        sent = dict(body or {})
        if timed and self.world.mapping.time.travel:
            sent["occurred_at"] = rfc3339(self.row.at)
        session = self.world.staff.of(role, self.case.id, other=other)
        used = key or f"{self._key}{self._step}:{step}"
        reply = await session.post(path, sent if timed or sent else None, key=used)
        self.repeated += reply.repeated
        self.fresh += not reply.repeated
        return reply.value

    async def read(self, role: Role, path: str, **query: str | int) -> dict[str, Any]:
        """A read by somebody with ``role``."""
        return await self.world.staff.of(role, self.case.id).get(path, **query)
