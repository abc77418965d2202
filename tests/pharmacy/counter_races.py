"""Fifty at once at a dispensary's own counters, over two servers."""

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

from tests.billing.test_accounts import adds_up
from tests.pharmacy.floor import MANY, Floor
from tests.pharmacy.shelves import receive
from tests.pharmacy.shop import stock_shop

TABLETS, A_PACK, COSTS = 100, 3, Decimal("1.65")


async def fifty_sell_of_one_lot(floor: Floor) -> None:
    """At two counters, to ten patients: as many packs as there are, each paid for, and no number is lost."""
    await stock_shop(floor.pharmacy.services)
    for boss, counter in ((False, "P1"), (True, "P2")):
        opened = await floor.post(0, f"/billing/cashiers/{counter}/shifts", {"opening_cash": "0"}, boss)
        assert opened[0] == 201
    lot = await receive(floor.pharmacy, "SOLD", 400, str(TABLETS), "IBU400")
    patients = [str(await floor.pharmacy.patient()) for _ in range(10)]

    def pack(number: int) -> dict[str, Any]:
        some = [{"medicine": "IBU400", "quantity": str(A_PACK)}]
        counter = "P2" if number % 4 < 2 else "P1"
        who = patients[number % len(patients)]
        return {"patient_id": who, "counter": counter, "items": some, "payments": [{"means": "cash"}]}

    asked = (floor.post(n, "/pharmacy/sales", pack(n), n % 4 < 2) for n in range(MANY))
    answers = await asyncio.gather(*asked)
    packs = TABLETS // A_PACK
    assert Counter(status for status, _ in answers) == {201: packs, 409: MANY - packs}
    (row,) = await floor.query(
        """
        SELECT (SELECT quantity FROM pharmacy_stock WHERE lot_id = :lot) AS left,
            (SELECT sum(cash) FROM billing_shift) AS cash, (SELECT count(*) FROM pharmacy_sale) AS sales,
            (SELECT count(*) FROM billing_charge WHERE source = 'IBU400') AS charges
        """,
        lot=lot.lot_id,
    )
    assert (row.left, row.cash, row.sales, row.charges) == (TABLETS % A_PACK, packs * COSTS, packs, packs)
    await _comes_back(floor, next(made for status, made in answers if status == 201))
    await receive(floor.pharmacy, "MORE", 500, str(TABLETS), "IBU400")
    keyed = await floor.at_once("/pharmacy/sales", pack(2), Idempotency_Key="same")
    assert set(keyed) <= {201, 409}
    (row,) = await floor.query("SELECT count(*) AS sales FROM pharmacy_sale")
    assert row.sales == packs + 1
    await adds_up(floor.query)


async def _comes_back(floor: Floor, sale: dict[str, Any]) -> None:
    """Each tablet once, and its money once."""
    one = {"reason": "not opened", "disposition": "restock"}
    part = {**one, "items": [{"item_id": sale["items"][0]["id"], "quantity": "1"}]}
    back = await floor.at_once(f"/pharmacy/sales/{sale['id']}/return", part)
    assert back == {200: A_PACK, 409: MANY - A_PACK}
    asked = {"counter": "P1", "reason": "did not help"}
    given = await floor.at_once(f"/pharmacy/sales/{sale['id']}/give-back", asked)
    assert given == {200: 1, 409: MANY - 1}
    (refund,) = await floor.query("SELECT amount FROM billing_refund")
    assert refund.amount == COSTS


async def fifty_sell_one_dispense(floor: Floor) -> None:
    """It is handed over and paid for once."""
    await floor.receive("RX", 700)
    (rx,) = [await floor.pharmacy.active()]
    line = {"lines": [{"line_id": str(rx.lines[0].id), "quantity": "3"}]}
    status, made = await floor.post(0, f"/prescriptions/{rx.id}/dispenses", line)
    assert status == 201
    asked = {"counter": "P1", "payments": [{"means": "card"}]}
    sold = await floor.at_once(f"/dispenses/{made['id']}/sell", asked)
    assert sold == {201: 1, 409: MANY - 1}
    await adds_up(floor.query)
