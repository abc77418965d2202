"""Fifty at once over two server processes: never more leaves than came in, or comes back than was handed
over; what is recalled stays; and of what crosses a bound everybody is told once."""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

import aiohttp

from hms_rt.departments.pharmacy.schemas.levels import LevelIn
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.pharmacy import counter_races, races
from tests.pharmacy.conftest import Pharmacy, Query
from tests.pharmacy.floor import EACH, LOT, MANY, Floor, clerks, hospital
from tests.pharmacy.shelves import agree, shelves_agree

__all__ = ["clerks", "hospital"]


async def test_fifty_at_once_take_what_there_is_and_not_one_more(
    pharmacy: Pharmacy, clerks: list[aiohttp.ClientSession], query: Query
) -> None:
    floor = Floor(pharmacy, clerks, query, [await pharmacy.active() for _ in range(MANY)])
    made = await fifty_dispensers_on_one_lot(floor)
    await fifty_hand_it_over_and_take_it_back(floor, made)
    await a_recall_among_fifty_dispensers(floor)
    await an_expired_lot_is_told_of_by_one_of_the_servers(floor)
    await races.fifty_take_from_two_lots_without_a_reason(floor)
    await races.a_recall_among_fifty_who_hand_over(floor)
    await races.midnight_among_fifty_who_hand_over(floor)
    await races.fifty_bring_the_same_back(floor)
    await races.fifty_take_out_of_the_quarantine(floor)
    await races.fifty_approve_write_offs(floor)
    await counter_races.fifty_sell_of_one_lot(floor)
    await counter_races.fifty_sell_one_dispense(floor)
    await shelves_agree(query)
    await agree(query)


async def fifty_dispensers_on_one_lot(floor: Floor) -> dict[str, Any]:
    """One of the dispenses."""
    await floor.receive("L1", 30)
    level = LevelIn(reorder_level=Decimal(LOT // 2))
    await floor.pharmacy.services.pharmacy.set_level(SYSTEM, command(), "MAIN", "AMOX500", level)
    answers = await asyncio.gather(*(floor.prepare(number, EACH) for number in range(MANY)))
    assert Counter(status for status, _ in answers) == {201: LOT // EACH, 409: MANY - LOT // EACH}
    ((left, moved, usable),) = await floor.query(
        """
        SELECT s.quantity, (SELECT sum(delta) FROM pharmacy_ledger), (SELECT usable FROM pharmacy_shelf)
        FROM pharmacy_stock s
        """
    )
    assert left == moved == usable == LOT % EACH
    assert await floor.told("stock_low") == 1  # of the one crossing, however many took something
    return next(made for status, made in answers if status == 201)


async def fifty_hand_it_over_and_take_it_back(floor: Floor, made: dict[str, Any]) -> None:
    first, item = made["id"], made["items"][0]["id"]
    hand_over = f"/dispenses/{first}/hand-over"
    handed = await asyncio.gather(*(floor.post(n, hand_over, {}) for n in range(MANY)))
    assert Counter(status for status, _ in handed) == {200: 1, 409: MANY - 1}
    (row,) = await floor.query("SELECT max(dispensed) AS most FROM pharmacy_line")
    assert row.most == EACH

    some = {"reason": "not opened", "disposition": "restock", "items": [{"item_id": item, "quantity": "1"}]}
    back = await asyncio.gather(*(floor.post(n, f"/dispenses/{first}/return", some) for n in range(MANY)))
    assert Counter(status for status, _ in back) == {200: EACH, 409: MANY - EACH}
    (row,) = await floor.query(
        """
        SELECT max(returned) AS back, (SELECT quantity FROM pharmacy_stock) AS left,
            (SELECT count(*) FROM pharmacy_return) AS returns, (SELECT count(*) FROM billing_charge
                WHERE reverses IS NULL AND reversed_by IS NULL) AS charges FROM pharmacy_line
        """
    )
    assert (row.back, row.left, row.returns, row.charges) == (EACH, LOT % EACH + EACH, EACH, 0)


async def a_recall_among_fifty_dispensers(floor: Floor) -> None:
    """Whoever came first: what was prepared of the lot is not handed over, and nothing more is prepared."""
    lot = await floor.receive("L2", 60)
    how = {"lot_id": str(lot), "reason": "the patient knows it"}
    recall = floor.post(1, f"/pharmacy/lots/{lot}/recall", {"reason": "glass in vials"})
    several = [floor.prepare(number, 1, **how) for number in range(MANY)]
    answers = await asyncio.gather(*several[:20], recall, *several[20:])
    assert answers.pop(20)[0] == 200
    assert {status for status, _ in answers} <= {201, 409}
    ready = [made["id"] for status, made in answers if status == 201]
    handed = await asyncio.gather(
        *(floor.post(n, f"/dispenses/{made}/hand-over", {}) for n, made in enumerate(ready))
    )
    assert {status for status, _ in handed} <= {409}
    again = await asyncio.gather(*(floor.prepare(number, 1, **how) for number in range(MANY)))
    assert {status for status, _ in again} == {409}
    (row,) = await floor.query("SELECT quantity FROM pharmacy_stock WHERE lot_id = :lot", lot=lot)
    assert row.quantity == LOT - len(ready)


async def an_expired_lot_is_told_of_by_one_of_the_servers(floor: Floor) -> None:
    """Their timers look at the same row; one of them marks the lot and tells."""
    lot = await floor.receive("L3", -3)
    marked = "SELECT 1 FROM pharmacy_lot WHERE id = :lot AND expired_at IS NOT NULL"
    async with asyncio.timeout(60):
        while not await floor.query(marked, lot=lot):
            await asyncio.sleep(0.1)
    assert await floor.told("stock_expired") == 1
    taken = await floor.prepare(0, 1, lot_id=str(lot), reason="nothing else is left")
    assert taken[0] == 409
