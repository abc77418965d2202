"""What charges, reductions and estimates come to: held by the database to price, quantity and tariff."""

import pytest
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.billing.schemas.accounts import InvoiceIn
from hms_rt.departments.billing.schemas.discounts import DiscountIn
from hms_rt.departments.billing.schemas.estimates import EstimateIn
from hms_rt.departments.billing.schemas.packages import PackageIn, PackageUseIn
from hms_rt.departments.billing.schemas.tariffs import CodeIn, ServiceIn
from hms_rt.kernel.principal import SYSTEM
from hms_rt.storage.postgres import violated
from tests.billing.conftest import Query, Till
from tests.billing.test_accounts import Counter1, adds_up, desk
from tests.conftest import command

__all__ = ["desk"]


def copied(which: str, **changed: str) -> str:
    """Insert a copy of the charge that ``which`` finds, with other values."""
    values = "".join(f", '{name}', {value}" for name, value in changed.items())
    return (
        "INSERT INTO billing_charge SELECT (jsonb_populate_record(c, jsonb_build_object("
        f"'id', gen_random_uuid(), 'cause', 'attack', 'reason', 'attack'{values}))).*"
        f" FROM billing_charge c WHERE {which}"
    )


FULL = "kind = 'procedure' AND quantity = 3"
OFF = "kind = 'discount'"
AMOUNTS = "billing_charge_amounts_check"
TARIFF = "billing_charge_tariff_as_read_check"
REDUCTION = "billing_charge_reduction_check"
# Three at 0.335 and 20 per cent are 1.01 (1.005, half up), 0.20 of tax, 1.21; the payer takes 0.91 of that.
ATTACKS = (
    (copied(FULL, net="1.00", gross="1.20", patient_part="0.29"), AMOUNTS),
    (copied(FULL, tax="0.21", gross="1.22", patient_part="0.31"), AMOUNTS),
    (copied(FULL, quantity="4"), AMOUNTS),
    (copied(FULL, unit_price="0.336"), TARIFF),
    (copied(FULL, payer_part="0.90", patient_part="0.31"), TARIFF),
    (copied(FULL, tax_rate="0", tax="0", gross="1.01", payer_part="0.76", patient_part="0.25"), TARIFF),
    (copied(FULL, payer="'SELF'"), TARIFF),
    (copied(FULL, service="'LAC'"), TARIFF),
    (copied(FULL, occurred_at="'1999-12-30T12:00:00Z'"), TARIFF),
    (copied(OFF, tax="0", net="gross"), REDUCTION),
    (copied(OFF, payer_part="0", patient_part="gross"), REDUCTION),
    (copied(OFF, payer="'SELF'"), REDUCTION),
    (copied("kind = 'included'", quantity="1"), REDUCTION),
    ("UPDATE billing_discount SET gross = gross / 2 WHERE state = 'requested'",
     "billing_discount_given_check"),
    ("INSERT INTO billing_estimate_line SELECT estimate_id, 9, service, description, quantity, unit_price,"
     " tax_rate, net + 1, tax, gross + 1, payer_part, patient_part + 1 FROM billing_estimate_line",
     "billing_estimate_line_tariff_as_read_check"),
    ("INSERT INTO billing_estimate_line SELECT estimate_id, 9, service, description, 1, 1, 0, 1, 0, 1, 0, 1"
     " FROM billing_estimate_line", "billing_estimate_line_tariff_as_read_check"),
)  # fmt: skip


async def test_no_amount_is_written_but_what_price_quantity_and_tariff_come_to(
    till: Till, desk: Counter1, query: Query
) -> None:
    billing, patient_id = till.services.billing, await till.patient()
    await billing.define_payer(till.admin, command(), CodeIn(code="AOK", name="Insurer"))
    for code, kind in (("WRAP", "procedure"), ("CARE", "package")):
        service = ServiceIn.model_validate({"code": code, "name": code, "kind": kind})
        await billing.define_service(SYSTEM, command(), service)
    await till.price("WRAP", "0.40")
    await till.price("WRAP", "0.335", payer="AOK", tax_rate="20", payer_share="75")
    await till.cover(patient_id, payer="AOK")
    charge = await till.charge(patient_id, "3", service="WRAP")
    assert [str(part) for part in (charge.net, charge.tax, charge.payer_part)] == ["1.01", "0.20", "0.91"]
    draft = await billing.draft_invoice(till.clerk, command(), InvoiceIn(patient_id=patient_id))
    off = {"charge_id": str(charge.id), "amount": "0.40", "reason": "member of staff"}
    asked = await billing.give_discount(till.clerk, command(), draft.id, DiscountIn.model_validate(off))
    await billing.approve_discount(till.admin, command(), asked.id)
    more = {"charge_id": str(charge.id), "amount": "0.30", "reason": "moved away"}
    await billing.give_discount(till.clerk, command(), draft.id, DiscountIn.model_validate(more))

    await till.price("CARE", "1")
    two = {"package": "CARE", "items": [{"service": "WRAP", "quantity": "2"}]}
    await billing.define_package(till.admin, command(), PackageIn.model_validate(two))
    other = await till.patient("Ohm")
    await till.charge(other, "5", service="WRAP")
    applied = PackageUseIn.model_validate({"patient_id": str(other), "package": "CARE"})
    await billing.apply_package(till.clerk, command(), applied)
    planned = {"patient_id": str(patient_id), "items": [{"service": "WRAP", "quantity": "2"}]}
    await billing.estimate(till.clerk, command(), EstimateIn.model_validate(planned))

    taken = await query(
        "SELECT kind, -gross AS gross FROM billing_charge WHERE reduces IS NOT NULL ORDER BY 1"
    )
    assert [(row.kind, str(row.gross)) for row in taken] == [("discount", "0.40"), ("included", "0.80")]
    for attack, broken in ATTACKS:
        if "{" not in attack:
            with pytest.raises(IntegrityError) as raised:
                await query(attack)
            assert violated(raised.value) == broken, attack
    await adds_up(query)
