"""Fifty at once against one rule of stock, over two servers."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable
from decimal import Decimal
from typing import Any

from hms_rt.departments.pharmacy.schemas.formulary import StoreIn
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.pharmacy.floor import EACH, MANY, Floor

FEW = 10
FIRST = '"1"'
"""The version of what nobody has changed yet."""


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
    told = await floor.at_once(path, part)
    assert told == {409: MANY}, told  # one is left, each brings two
    (row,) = await floor.query(
        "SELECT count(*) AS returns, sum(quantity) AS back FROM pharmacy_return WHERE item_id = :item",
        item=uuid.UUID(item),
    )
    assert (row.returns, row.back) == (1, 2)


async def fifty_take_out_of_the_quarantine(floor: Floor) -> None:
    """What lies apart reaches no patient; it goes back to a shelf once, and not once it is recalled."""
    store = StoreIn.model_validate({"code": "QUAR", "name": "Quarantine", "kind": "quarantine"})
    await floor.pharmacy.services.pharmacy.define_store(SYSTEM, command(), store)
    lot = await floor.receive("APART", 700, "QUAR", FEW)
    rx = floor.waiting[0]
    line = {"line_id": str(rx.lines[0].id), "quantity": "1"}
    to_patient = {"store": "QUAR", "lines": [line]}
    told = await floor.at_once(f"/prescriptions/{rx.id}/dispenses", to_patient)
    assert told == {409: MANY}, told
    out = {"lot_id": str(lot), "from_store": "QUAR", "to_store": "MAIN", "quantity": str(EACH)}
    told = await floor.at_once("/pharmacy/transfers", out)
    assert told == {201: FEW // EACH, 409: MANY - FEW // EACH}, told
    assert await left(floor, lot, "QUAR") == FEW % EACH
    assert await left(floor, lot) == FEW - FEW % EACH
    assert (await floor.post(0, f"/pharmacy/lots/{lot}/recall", {"reason": "glass in vials"}))[0] == 200
    told = await floor.at_once("/pharmacy/transfers", {**out, "quantity": "1"})
    assert told == {409: MANY}, told


async def fifty_approve_write_offs(floor: Floor) -> None:
    """By somebody else than who asked, once; and all together no more than there is."""
    lot = await floor.receive("BROKEN", 800, quantity=FEW)
    wanted = {"lot_id": str(lot), "store": "MAIN", "quantity": str(EACH), "reason": "broken"}

    async def ask(number: int, boss: bool = False) -> str:
        status, asked = await floor.post(number, "/pharmacy/write-offs", wanted, boss)
        assert status == 201
        return f"/pharmacy/write-offs/{asked['id']}/approve"

    own = await floor.at_once(await ask(0, boss=True), None, boss=True, If_Match=FIRST)
    assert own == {403: MANY}, own
    once = await floor.at_once(await ask(0), None, boss=True, If_Match=FIRST)
    assert once in ({200: 1, 412: MANY - 1}, {200: 1, 409: MANY - 1}), once
    asked = await asyncio.gather(*(ask(number) for number in range(MANY)))
    deciding = (floor.post(n, path, None, True, If_Match=FIRST) for n, path in enumerate(asked))
    approved = Counter(status for status, _ in await asyncio.gather(*deciding))
    fits = FEW // EACH - 1
    assert approved == {200: fits, 409: MANY - fits}, approved
    assert await left(floor, lot) == FEW % EACH
