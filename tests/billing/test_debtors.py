"""Who owes: what is due of issued invoices, by payer and patient, and by how long they are out."""

from datetime import timedelta
from decimal import Decimal

from hms_rt.departments.billing.schemas.debtors import DebtorQuery
from hms_rt.kernel.clock import ManualClock
from tests.billing.conftest import Till
from tests.billing.test_accounts import Counter1, desk
from tests.billing.test_refusals import Insurer
from tests.conftest import command

__all__ = ["desk"]

D = Decimal


async def test_debts_are_listed_by_payer_patient_and_age(
    till: Till, desk: Counter1, clock: ManualClock
) -> None:
    billing, clerk = desk.billing, till.clerk
    issued, share = await Insurer(desk).issued()
    clock.advance(timedelta(days=31))
    await till.charge(issued.patient_id)
    newer = await desk.invoice(issued.patient_id)
    await desk.pay(issued.patient_id, "1.00", newer.id)
    other = await till.patient("Ohm")
    await till.charge(other)
    paid = await desk.invoice(other)
    await desk.pay(other, str(paid.due), paid.id)

    async def ages(limit: int = 50, payer: str | None = None) -> list[tuple[str, int, list[Decimal]]]:
        listed, cursor = [], None
        while True:
            query = DebtorQuery(limit=limit, cursor=cursor, payer=payer)
            page = await billing.debtors(clerk, command(), query)
            listed += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        return [
            (one.payer, one.invoices, [one.up_to_30, one.up_to_60, one.up_to_90, one.over_90, one.due])
            for one in listed
        ]

    fresh, older, payers_new = newer.owed - 1, issued.owed, newer.total - newer.owed
    wanted = [
        ("AXA", 2, [payers_new, share.owed, D(0), D(0), share.owed + payers_new]),
        ("SELF", 2, [fresh, older, D(0), D(0), fresh + older]),
    ]
    assert await ages() == await ages(limit=1) == wanted
    assert await ages(payer="AXA") == wanted[:1]
    clock.advance(timedelta(days=61))
    assert [parts for _, _, parts in await ages()] == [
        [D(0), D(0), payers_new, share.owed, share.owed + payers_new],
        [D(0), D(0), fresh, older, fresh + older],
    ]
