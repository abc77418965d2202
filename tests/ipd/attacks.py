"""Fifty commands at once over two server processes, rule by rule; run by ``test_two_servers``."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hms_rt.departments.ipd.schemas import BirthIn
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import WardFactory, command
from tests.ipd.conftest import Journeys, Query

Ask = Callable[[str, Any], Awaitable[int]]


@dataclass(frozen=True)
class Attacked:
    """Two servers that are asked, and services on the same stores that make ready and look after."""

    services: Services
    ask: Ask
    journeys: Journeys
    query: Query
    ward: WardFactory


async def all_at_once(doing: list[Awaitable[int]]) -> Counter[int]:
    """The statuses of the answers."""
    return Counter(await asyncio.gather(*doing))


TORN = """
    SELECT 1 FROM ipd_stay c JOIN beds_bed cot ON cot.id = c.bed_id JOIN beds_occupant o ON o.stay_id = c.id
    LEFT JOIN ipd_stay m ON m.admission_id = c.beside AND m.ended_at IS NULL
    LEFT JOIN beds_bed bed ON bed.id = m.bed_id
    WHERE c.beside IS NOT NULL AND c.ended_at IS NULL AND
      (c.apart_reason IS NULL) IS DISTINCT FROM
      (coalesce((cot.ward_code, cot.room_code) = (bed.ward_code, bed.room_code), false) AND o.beside = bed.id)
"""


async def mothers_and_children_are_never_torn_apart(field: Attacked) -> None:
    """Mothers move, exchange rooms and leave while their children are moved, leave and are brought back."""
    ipd, ask = field.services.ipd, field.ask
    beds = await field.ward("MAT", beds=6)
    first, second = [await field.journeys.admitted(bed.id, "MAT") for bed in (beds[0], beds[2])]
    children = []
    for mother in (first, first, second):
        shown = await ipd.admission(SYSTEM, command(), mother.id)
        born = await ipd.birth(SYSTEM, command(), mother.id, BirthIn(born_at=shown.stays[0].started_at))
        children.append(born.admission)
    exchange = {"with_admission": str(second.id)}
    doing = [ask(f"/admissions/{first.id}/swap", exchange) for _ in range(8)]
    for mother in (first, second):
        doing += [ask(f"/admissions/{mother.id}/transfer", {"ward": "MAT"}) for _ in range(6)]
        apart = {"ward": "MAT", "children_stay": "phototherapy"}
        doing += [ask(f"/admissions/{mother.id}/transfer", apart) for _ in range(3)]
        doing += [ask(f"/admissions/{mother.id}/cancel-transfer", {"reason": "wrong bed"}) for _ in range(3)]
    for child in children:
        doing += [ask(f"/admissions/{child.id}/room-in", {}) for _ in range(4)]
        doing += [ask(f"/admissions/{child.id}/transfer", {"bed_id": str(beds[5].id)}) for _ in range(2)]
    doing.append(ask(f"/admissions/{children[2].id}/depart", {"disposition": "left"}))
    doing.append(ask(f"/admissions/{second.id}/depart", {"disposition": "left", "children": "leave"}))
    assert len(doing) >= 50
    assert (await all_at_once(doing))[200] > 0
    assert await field.query(TORN) == []
