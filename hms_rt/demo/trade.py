"""The demo's pharmacy and till at work: what clinics prescribe is prepared, handed over, billed and paid."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import cycle
from typing import Any

import structlog

from hms_rt.demo.goods import CUPBOARDS, DISPENSARY, FOR_THE_CLINIC, FOR_THE_WARD, FORMULARY, Kept
from hms_rt.demo.seed import Seeded
from hms_rt.demo.shops import TILL, cashier_of, prescribe
from hms_rt.kernel.principal import Role
from hms_rt.replay.client import RefusedError, Server
from hms_rt.replay.staff import Staff

log = structlog.get_logger(__name__)

BEAT_S = 450.0
"""Between two rounds, in seconds of the simulated day; never less than ``LEAST_S`` of the real one."""
LEAST_S = 3.0
PATIENCE_S = 600.0

CLINICS = ("GEN", "CAR", "ER")
EVERY_WARD, EVERY_ORDER = 6, 20
"""Every so many rounds a nurse takes something from a cupboard, and the dispensary orders."""
SHELF_LIFE = timedelta(days=540)
MEANS = ("cash", "card", "card", "mobile")

KEPT: Mapping[str, Kept] = {kept.code: kept for kept in FORMULARY}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Queues:
    """How many wait or lie prepared, are due or paid in part, before the oldest moves on."""

    waiting: int = 4
    ready: int = 3
    due: int = 5
    part_paid: int = 2


async def run_trade(url: str, seeded: Seeded, speed: float) -> None:
    """One round after the other until cancelled; what goes wrong is logged, and it goes on."""
    async with Server(url, connections=4, patience=PATIENCE_S) as server:
        trade = Trade(Staff(server, seeded.accounts))
        while True:
            try:
                await trade.round()
            except Exception:
                log.exception("demo.trade_failed")
            await asyncio.sleep(max(LEAST_S, BEAT_S / speed))


class Trade:
    """Who works there, and what lies prepared. What another run left prepared is handed over first."""

    def __init__(self, staff: Staff, queues: Queues | None = None) -> None:
        self._queues = queues or Queues()
        self._doctor = staff.of(Role.DOCTOR, "")
        self._nurse = staff.of(Role.NURSE, "")
        self._pharmacist = staff.of(Role.PHARMACY, "")
        self._cashier = cashier_of(staff)
        self._medicines = cycle(FOR_THE_CLINIC)
        self._wards, self._ward_medicines = cycle(CUPBOARDS.items()), cycle(FOR_THE_WARD)
        self._means = cycle(MEANS)
        self._treated: deque[str] = deque(maxlen=200)
        self._prepared: deque[Json] | None = None
        self._to_bill: deque[str] = deque()
        self._rounds = 0

    async def round(self) -> None:
        """A little of everything; what the server refuses is logged. Raises what a session raises."""
        self._rounds += 1
        if self._prepared is None:
            self._prepared = deque(await self._left_prepared())
        await _tried(self._prescribe())
        await _tried(self._prepare(self._prepared))
        await _tried(self._hand_over(self._prepared))
        await _tried(self._bill())
        await _tried(self._pay())
        if self._rounds % EVERY_WARD == 0:
            await _tried(self._take_from_cupboard())
        if self._rounds % EVERY_ORDER == 0:
            await _tried(self._order())

    async def _waiting(self) -> list[Json]:
        """The prescriptions of the clinics that the dispensary has to fill, oldest first."""
        found: list[Json] = []
        for state in ("active", "partially_dispensed"):
            listed = await self._pharmacist.get(
                "/prescriptions", dispensary=DISPENSARY, state=state, limit=100
            )
            found += [one for one in listed["items"] if one["admission_id"] is None]
        return sorted(found, key=lambda one: int(one["number"]))

    async def _left_prepared(self) -> list[Json]:
        found = []
        for one in await self._waiting():
            made = await self._pharmacist.get(f"/prescriptions/{one['id']}/dispenses")
            lying = [dispense for dispense in made["items"] if dispense["state"] == "prepared"]
            found += [{**one, "dispense": dispense["id"]} for dispense in lying]
        return found

    async def _prescribe(self) -> None:
        """For somebody whom a clinic's doctor sees now: one of each clinic."""
        for clinic in CLINICS:
            queue = await self._doctor.get(f"/clinics/{clinic}/queue")
            seen = [one["patient_id"] for one in queue["tokens"] if one["state"] == "serving"]
            patient = next((one for one in seen if one and one not in self._treated), None)
            if patient is None:
                continue
            self._treated.append(patient)
            lines = [KEPT[next(self._medicines)].line() for _ in range(1 + self._rounds % 2)]
            await prescribe(self._doctor, {"patient_id": patient, "clinic": clinic, "lines": lines})

    async def _prepare(self, prepared: deque[Json]) -> None:
        """The oldest; of every sixth half, the rest later."""
        lying = {one["id"] for one in prepared}
        waiting = [one for one in await self._waiting() if one["id"] not in lying]
        if len(waiting) < self._queues.waiting:
            return
        one = waiting[0]
        half = one["number"] % 6 == 0 and one["state"] == "active"
        lines = [
            {"line_id": line["id"], "quantity": str(_left(line, half=half))}
            for line in one["lines"]
            if _left(line)
        ]
        made = await self._pharmacist.post(f"/prescriptions/{one['id']}/dispenses", {"lines": lines})
        prepared.append({**one, "dispense": made.value["id"]})

    async def _hand_over(self, prepared: deque[Json]) -> None:
        if len(prepared) < self._queues.ready:
            return
        one = prepared.popleft()
        await self._pharmacist.post(f"/dispenses/{one['dispense']}/hand-over", {})
        self._to_bill.append(one["patient_id"])

    async def _bill(self) -> None:
        """What the clinic, the laboratory and the pharmacy did for somebody who has the medicines now."""
        if not self._to_bill:
            return
        draft = await self._cashier.post("/billing/invoices", {"patient_id": self._to_bill.popleft()})
        await self._cashier.post(f"/billing/invoices/{draft.value['id']}/issue", {"counter": TILL})

    async def _pay(self) -> None:
        """The oldest invoice; every third in two parts."""
        for state, most in (("part_paid", self._queues.part_paid), ("issued", self._queues.due)):
            listed = (await self._cashier.get("/billing/invoices", counter=TILL, state=state, limit=100))[
                "items"
            ]
            if len(listed) < most:
                continue
            one = min(listed, key=lambda invoice: int(invoice["number"]))
            amount = Decimal(one["due"])
            if state == "issued" and one["number"] % 3 == 0:
                amount = (amount / 2).quantize(amount, ROUND_HALF_UP)
            paid = {
                "counter": TILL,
                "means": next(self._means),
                "amount": str(amount),
                "invoice_id": one["id"],
            }
            await self._cashier.post("/billing/payments", {"patient_id": one["patient_id"], **paid})

    async def _take_from_cupboard(self) -> None:
        """A doctor of a ward prescribes one dose, a nurse takes it from the ward's cupboard and gives it."""
        ward, store = next(self._wards)
        here = (await self._nurse.get("/admissions", ward=ward, state="admitted", limit=50))["items"]
        if not here:
            return
        one = here[self._rounds % len(here)]
        line = KEPT[next(self._ward_medicines)].line(frequency={"kind": "once"}, duration_days=1)
        wanted = {"patient_id": one["patient_id"], "admission_id": one["id"], "lines": [line]}
        made = await prescribe(self._doctor, wanted)
        (own,) = made["lines"]
        taken = {
            "prescription_id": made["id"],
            "lines": [{"line_id": own["id"], "quantity": own["quantity"]}],
        }
        await self._nurse.post(f"/pharmacy/stores/{store}/take", taken)
        for dose in (await self._nurse.get("/doses", ward=ward, limit=200))["items"]:
            if dose["line_id"] == own["id"]:
                await self._nurse.post(f"/doses/{dose['id']}/administer", {"outcome": "given"})

    async def _order(self) -> None:
        """What is all but gone comes in anew."""
        listed = await self._pharmacist.get("/pharmacy/levels", store=DISPENSARY, low="true", limit=100)
        for shelf in listed["items"]:
            level = Decimal(shelf["reorder_level"])
            if Decimal(shelf["usable"]) * 4 > level * 3:
                continue
            goods = {
                "medicine": shelf["medicine"],
                "quantity": str(level * 3),
                "expires_on": (datetime.now(UTC).date() + SHELF_LIFE).isoformat(),
            }
            lot = f"{shelf['medicine'][:4]}-N{self._rounds:04}"
            await self._pharmacist.post(f"/pharmacy/stores/{DISPENSARY}/receive", {**goods, "lot": lot})


def _left(line: Json, *, half: bool = False) -> Decimal:
    """What of a line is to be dispensed now, in whole units."""
    if line["not_dispensed"] is not None:
        return Decimal(0)
    rest = Decimal(line["quantity"]) - Decimal(line["dispensed"])
    return max(Decimal(1), rest // 2) if half else rest


async def _tried(doing: Awaitable[None]) -> None:
    try:
        await doing
    except RefusedError as refused:
        log.info("demo.trade_refused", code=refused.code, detail=refused.detail)
