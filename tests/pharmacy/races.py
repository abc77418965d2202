"""Fifty at once against one rule of stock, over two servers."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any

from tests.pharmacy.floor import EACH, MANY, Floor

FEW = 10


async def left(floor: Floor, lot: uuid.UUID, store: str = "MAIN") -> Decimal:
    """What the store has of the lot."""
    where = "SELECT quantity FROM pharmacy_stock WHERE lot_id = :lot AND store = :store"
    (row,) = await floor.query(where, lot=lot, store=store)
    return Decimal(row.quantity)


async def fifty_take_from_two_lots_without_a_reason(floor: Floor) -> None:
    """The first to expire is empty before anything of the next one is taken."""
    first = await floor.receive("FIRST", 2, quantity=FEW)
    await floor.receive("THEN", 500)
    answers = await asyncio.gather(*(floor.prepare(number, 1) for number in range(MANY)))
    assert Counter(status for status, _ in answers) == {201: MANY}
    assert await left(floor, first) == 0
    skipped = await floor.query(
        """
        SELECT l.number FROM pharmacy_stock s JOIN pharmacy_lot l ON l.id = s.lot_id
        WHERE s.store = 'MAIN' AND s.quantity > 0 AND l.recalled_at IS NULL AND l.expired_at IS NULL
            AND l.expires_on < (SELECT max(o.expires_on) FROM pharmacy_dispense_item i
                JOIN pharmacy_lot o ON o.id = i.lot_id WHERE i.reason IS NULL)
        """
    )
    assert skipped == []


async def prepared_of(floor: Floor, name: str) -> tuple[uuid.UUID, list[str]]:
    """A new lot, and fifty dispenses of it that lie ready."""
    lot = await floor.receive(name, 600)
    how = {"lot_id": str(lot), "reason": "blister for travel"}
    answers = await asyncio.gather(*(floor.prepare(number, 1, **how) for number in range(MANY)))
    assert Counter(status for status, _ in answers) == {201: MANY}
    return lot, [made["id"] for _, made in answers]


async def handed_while(
    floor: Floor, lot: uuid.UUID, ready: list[str], stopping: Awaitable[Any]
) -> tuple[int, Any]:
    """How many were handed over while the lot was stopped, and what that answered; no more are after it."""

    async def hand_over(number: int) -> int:
        return (await floor.post(number, f"/dispenses/{ready[number]}/hand-over", {}))[0]

    several = [hand_over(number) for number in range(MANY)]
    answers: list[Any] = await asyncio.gather(*several[:20], stopping, *several[20:])
    stopped = answers.pop(20)
    assert set(answers) <= {200, 409}
    assert set(await asyncio.gather(*(hand_over(number) for number in range(MANY)))) == {409}
    (row,) = await floor.query(
        """
        SELECT count(*) AS handed FROM pharmacy_dispense_item i
        JOIN pharmacy_dispense d ON d.id = i.dispense_id WHERE i.lot_id = :lot AND d.state = 'handed_over'
        """,
        lot=lot,
    )
    assert row.handed == Counter(answers)[200]
    return row.handed, stopped


async def a_recall_among_fifty_who_hand_over(floor: Floor) -> None:
    """Whoever got some before is among those whom the recall names: nobody is missing."""
    lot, ready = await prepared_of(floor, "GLASS")
    recall = floor.post(1, f"/pharmacy/lots/{lot}/recall", {"reason": "glass in vials"})
    handed, (status, told) = await handed_while(floor, lot, ready, recall)
    assert status == 200
    assert Counter(one["state"] for one in told["recipients"])["handed_over"] == handed


async def midnight_among_fifty_who_hand_over(floor: Floor) -> None:
    """As the timer marks a lot that is over."""
    lot, ready = await prepared_of(floor, "OVER")
    mark = "UPDATE pharmacy_lot SET expired_at = now(), version = version + 1 WHERE id = :lot"
    await handed_while(floor, lot, ready, floor.query(mark, lot=lot))


async def fifty_bring_the_same_back(floor: Floor) -> None:
    """One command, told fifty times, is one return; and of parts no more comes back than was handed over."""
    status, made = await floor.prepare(0, EACH)
    assert (status, (await floor.post(0, f"/dispenses/{made['id']}/hand-over", {}))[0]) == (201, 200)
    item, path = made["items"][0]["id"], f"/dispenses/{made['id']}/return"
    part = {"reason": "not opened", "disposition": "restock", "items": [{"item_id": item, "quantity": "2"}]}
    told = await floor.at_once(path, part, Idempotency_Key="the-same-return")
    assert set(told) <= {200, 409}
    assert told[200]
    assert await floor.at_once(path, part) == {409: MANY}  # one is left, each brings two
    (row,) = await floor.query(
        "SELECT count(*) AS returns, sum(quantity) AS back FROM pharmacy_return WHERE item_id = :item",
        item=uuid.UUID(item),
    )
    assert (row.returns, row.back) == (1, 2)
