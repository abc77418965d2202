"""Packages: one price for several services; what exceeds them is charged, and all of it can be taken back."""

import uuid
from typing import Any

import pytest_asyncio

from hms_rt.departments.billing.schemas.accounts import InvoiceIn
from hms_rt.departments.billing.schemas.charges import ReverseCharge
from hms_rt.departments.billing.schemas.packages import PackageIn, PackageUseIn, PackageUseOut, Withdrawal
from hms_rt.departments.billing.schemas.tariffs import ServiceIn
from hms_rt.kernel.errors import Code
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_accounts import Counter1, adds_up, desk
from tests.billing.test_charges import failure
from tests.billing.test_papers import says
from tests.conftest import command

__all__ = ["desk"]

BACK = ReverseCharge(reason="was not done")
WHY = Withdrawal(reason="changed plans")


class Packs:
    """CARE costs 20.00 and includes three dressings of 12.01."""

    def __init__(self, till: Till) -> None:
        self.till, self.billing = till, till.services.billing

    async def apply(self, patient_id: uuid.UUID, **rest: Any) -> PackageUseOut:
        wanted = PackageUseIn.model_validate({"patient_id": patient_id, "package": "CARE", **rest})
        return await self.billing.apply_package(self.till.clerk, command(), wanted)

    async def owed(self, patient_id: uuid.UUID) -> str:
        return str((await self.billing.account(self.till.clerk, command(), patient_id)).unbilled)

    async def used(self, patient_id: uuid.UUID) -> list[str]:
        listed = await self.billing.package_uses(self.till.clerk, command(), patient_id)
        return [f"{one.state}:{item.used}" for one in listed.items for item in one.items]


@pytest_asyncio.fixture
async def packs(till: Till, desk: Counter1) -> Packs:
    service = ServiceIn.model_validate({"code": "CARE", "name": "Wound care", "kind": "package"})
    await till.services.billing.define_service(till.admin, command(), service)
    await till.price("CARE", "20")
    said = {"package": "CARE", "items": [{"service": "DRESS", "quantity": "3"}]}
    await till.services.billing.define_package(till.admin, command(), PackageIn.model_validate(said))
    again = till.services.billing.define_package(till.admin, command(), PackageIn.model_validate(said))
    await refused(Code.CONFLICT, again)
    wrong = PackageIn.model_validate({**said, "package": "CONS"})
    await refused(Code.INVALID, till.services.billing.define_package(till.admin, command(), wrong))
    return Packs(till)


async def test_what_a_package_includes_is_not_charged_again_and_what_exceeds_it_is(
    till: Till, desk: Counter1, packs: Packs, query: Query
) -> None:
    patient_id = await till.patient()
    await till.charge(patient_id)
    before = await till.charge(patient_id, occurred_at="2020-01-01T12:00:00Z")
    draft = await packs.billing.draft_invoice(till.clerk, command(), InvoiceIn(patient_id=patient_id))
    use = await packs.apply(patient_id)
    assert (await packs.owed(patient_id), await packs.used(patient_id)) == ("32.01", ["applied:1"])
    seen = await packs.billing.invoice(till.clerk, command(), draft.id)
    assert str(seen.total) == "12.01", "what is on a draft is taken off there; another day is not included"
    await packs.billing.discard_invoice(till.clerk, command(), draft.id)
    await packs.billing.reverse_charge(till.admin, command(), before.id, BACK)
    over = await till.charge(patient_id, "4")  # 48.02, of which two are included
    assert (await packs.owed(patient_id), await packs.used(patient_id)) == ("44.01", ["applied:3"])
    await packs.billing.reverse_charge(till.admin, command(), over.id, BACK)
    assert (await packs.owed(patient_id), await packs.used(patient_id)) == ("20.00", ["applied:1"])
    await till.charge(patient_id)
    for one in await till.charges(patient_id):
        if one.kind in ("package", "included"):
            await refused(Code.CONFLICT, packs.billing.reverse_charge(till.admin, command(), one.id, BACK))
    withdrawn = await packs.billing.withdraw_package(till.clerk, command(), use.id, WHY)
    assert (withdrawn.state, await packs.owed(patient_id)) == ("withdrawn", "24.02")
    await refused(Code.ILLEGAL_MOVE, packs.billing.withdraw_package(till.clerk, command(), use.id, WHY))
    await packs.apply(patient_id)
    issued = await desk.invoice(patient_id)
    paper = await packs.billing.invoice_pdf(till.clerk, command(), issued.id)
    says(paper, "Wound care", "In the package: Dressing", "-12.01", "To pay €20.00")
    (second,) = [
        one
        for one in (await packs.billing.package_uses(till.clerk, command(), patient_id)).items
        if one.state == "applied"
    ]
    await refused(Code.CONFLICT, packs.billing.withdraw_package(till.clerk, command(), second.id, WHY))
    await adds_up(query)


async def test_the_database_refuses_more_than_a_package_includes(
    till: Till, packs: Packs, query: Query
) -> None:
    patient_id = await till.patient()
    await packs.apply(patient_id)
    await till.charge(patient_id, "2")
    copied = (
        "INSERT INTO billing_charge SELECT (jsonb_populate_record(c, jsonb_build_object('id',"
        " gen_random_uuid(), 'cause', 'x'{rest}))).* FROM billing_charge c WHERE kind = 'included'"
    )
    nothing = ", 'net', 0, 'tax', 0, 'gross', 0, 'patient_part', 0"
    for attack in (
        copied.format(rest=nothing),
        copied.format(rest=f"{nothing}, 'quantity', 0.5"),
        "UPDATE billing_package_left SET used = 3",
        "UPDATE billing_package_left SET used = 4",
        "UPDATE billing_package_left SET used = 0",
        "UPDATE billing_package_left SET quantity = 9",
        "UPDATE billing_package_use SET state = 'withdrawn', withdrawn_at = now(), withdrawn_by = id,"
        " reason = 'because'",
        "UPDATE billing_package_use SET since = '2020-01-01'",
        "UPDATE billing_package_item SET quantity = 9",
        "DELETE FROM billing_package_use",
        "DELETE FROM billing_package_left",
        "INSERT INTO billing_package_use SELECT (jsonb_populate_record(u, jsonb_build_object('id',"
        " gen_random_uuid()))).* FROM billing_package_use u",
    ):
        told = await failure(query(attack))
        assert sqlstate(told) in {"23001", "23503", "23505", "23514"}, (attack, told)
    await adds_up(query)
