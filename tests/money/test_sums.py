"""Each sum can fail: a wrong row, though the database lets none in, is found by the sum that it breaks."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tests.billing.conftest import Till, till
from tests.billing.test_accounts import Counter1, desk
from tests.billing.test_refusals import Insurer
from tests.money.sums import RULES, broken

__all__ = ["desk", "till"]

WRONG = {
    "of each charge patient and payer owe all": (
        "billing_charge",
        "SET patient_part = patient_part - 0.01",
    ),
    "each payer is asked for the own part, the patient for the rest": (
        "billing_invoice",
        "SET payer = 'AOK' WHERE kind = 'payer'",
    ),
    "what is refused moves, and nothing is lost": (
        "billing_invoice",
        "SET owed = owed - 0.01 WHERE kind = 'refused'",
    ),
    "what a payer refused is asked of somebody else": (
        "billing_invoice",
        "SET total = total + 0.01 WHERE kind = 'refused'",
    ),
    "what is credited of an invoice is on credit notes": (
        "billing_invoice",
        "SET credited = credited - 0.01 WHERE credited > 0",
    ),
    "an invoice is paid by its allocations": (
        "billing_invoice",
        "SET paid = paid - 0.01 WHERE paid > 0",
    ),
    "an invoice is what is on it": (
        "billing_line",
        "SET live = false",
    ),
    "a payment is allocated, refunded or left": (
        "billing_payment",
        "SET allocated = allocated + 0.01",
    ),
    "money that came is allocated, deposited or given back": (
        "billing_payment",
        "SET state = 'failed'",
    ),
    "a drawer holds its cash": (
        "billing_shift",
        "SET cash = cash + 0.01",
    ),
    "no number of a paper is missing or given twice": (
        "billing_series",
        "SET last = last + 1",
    ),
}
"""Rule -> a table, and what in it breaks the rule."""
CHECKS = "SELECT conname FROM pg_constraint WHERE conrelid = CAST(:name AS regclass) AND contype = 'c'"


async def _written(connection: AsyncConnection, table: str, wrong: str) -> int:
    """How many rows, though the database would refuse it."""
    for row in (await connection.execute(text(CHECKS), {"name": table})).all():
        await connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {row.conname}"))
    await connection.execute(text("SET LOCAL session_replication_role = replica"))
    return (await connection.execute(text(f"UPDATE {table} {wrong}"))).rowcount


async def test_each_sum_finds_the_row_that_breaks_it(till: Till, desk: Counter1, aside: AsyncEngine) -> None:
    assert WRONG.keys() <= RULES.keys()
    insurer = Insurer(desk)
    _, share = await insurer.issued()
    await insurer.refuses(share.id, amount="5", remitted={"counter": "C1", "means": "cash", "amount": "2"})
    async with aside.connect() as connection:
        assert await broken(connection) == []
    for rule, (table, wrong) in WRONG.items():
        async with aside.connect() as connection:
            assert await _written(connection, table, wrong), f"nothing to break: {wrong}"
            found = [one.split(": ")[0] for one in await broken(connection)]
            assert rule in found, f"{wrong}: {found}"
            await connection.rollback()
