"""Days in bed raced by two applications and by what is told late; tests released; what is outstanding."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.billing.projector.bed_days import LATE
from hms_rt.departments.billing.schemas.accounts import CashierIn, InvoiceIn, IssueIn, PaymentIn, ShiftIn
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import AdmissionOut, DepartureIn, TransferIn
from hms_rt.departments.ipd.schemas.commands import ReturnIn
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.schemas.results import ReleaseIn
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM
from tests.billing.conftest import Query, Till
from tests.billing.test_accounts import BACK
from tests.billing.test_charges import DAY, admitted, days, hospital
from tests.conftest import WardFactory, command, reading
from tests.lab.conftest import NOW, Lab, lab

__all__ = ["hospital", "lab"]
PATIENTS = 6
NOON = datetime(2026, 6, 10, 10, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    """Noon in Vienna, far from a change of the clocks."""
    return ManualClock(NOON)


@pytest_asyncio.fixture
async def furnished(till: Till, ward: WardFactory) -> list[AdmissionOut]:
    """Patients in ICU, with as many free beds of MED."""
    beds = await ward("ICU", PATIENTS)
    await ward("MED", PATIENTS)
    return [await admitted(till, bed.id) for bed in beds]


async def test_two_applications_that_race_for_the_midnights_charge_each_once(
    till: Till,
    furnished: list[AdmissionOut],
    hospital: Hospital,
    clock: ManualClock,
    settings: Settings,
    stores: Stores,
    query: Query,
) -> None:
    other = Hospital(settings, stores, clock=clock)
    ipd, moved, left = till.services.ipd, furnished[:2], furnished[2:4]
    free = iter(await query("SELECT id FROM beds_bed WHERE ward_code = 'MED' ORDER BY code"))
    try:
        clock.advance(3 * DAY)
        late = [
            *(
                ipd.transfer(
                    SYSTEM, command(), one.id, TransferIn(bed_id=next(free).id, occurred_at=NOON + DAY)
                )
                for one in moved
            ),
            *(
                ipd.depart(
                    SYSTEM,
                    command(),
                    one.id,
                    DepartureIn(disposition=Disposition.LEFT, occurred_at=NOON + 2 * DAY),
                )
                for one in left
            ),
        ]
        runs = [each.durable_timers.run_due() for each in (hospital, other) * 2]
        await asyncio.gather(*runs, *late)
        clock.advance(LATE)
        await asyncio.gather(*(each.durable_timers.run_due() for each in (hospital, other)))
    finally:
        await other.close()
    icu, med = "BED-ICU", "BED"
    for one in furnished:
        found = [service for _, service in await days(till, one.patient_id, query)]
        wanted = [icu, med, med] if one in moved else [icu, icu] if one in left else [icu] * 3
        assert found == wanted
    twice = await query(
        "SELECT cause FROM billing_charge WHERE kind = 'bed_day' AND reverses IS NULL AND reversed_by IS NULL"
        " GROUP BY 1 HAVING count(*) > 1"
    )
    assert twice == []


async def test_days_follow_a_transfer_that_never_was(
    till: Till, furnished: list[AdmissionOut], hospital: Hospital, clock: ManualClock, query: Query
) -> None:
    here = furnished[0]
    (bed, *_) = await query("SELECT id FROM beds_bed WHERE ward_code = 'MED' ORDER BY code")
    clock.advance(DAY)
    await till.services.ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=bed.id))
    clock.advance(2 * DAY)
    await hospital.durable_timers.run_due()
    counted = Counter(service for _, service in await days(till, here.patient_id, query))
    assert counted == {"BED-ICU": 1, "BED": 2}
    (was,) = await query(
        "SELECT bed_id AS id FROM ipd_stay WHERE admission_id = :id AND ward_code = 'ICU'", id=here.id
    )
    free = BedChange(status=BedStatus.AVAILABLE)
    await till.services.beds.change(SYSTEM, command(), was.id, free)
    await till.services.ipd.cancel_transfer(SYSTEM, command(), here.id, ReturnIn(reason="wrong patient"))
    clock.advance(LATE)
    await hospital.durable_timers.run_due()
    counted = Counter(service for _, service in await days(till, here.patient_id, query))
    assert counted == {"BED-ICU": 3}
    (sums,) = await query(
        "SELECT sum(gross) AS gross FROM billing_charge WHERE admission_id = :id", id=here.id
    )
    assert str(sums.gross) == "2850.00"


RECOUNT = """
    SELECT (SELECT count(*) FROM billing_charge c WHERE admission_id = :id AND reverses IS NULL
            AND reversed_by IS NULL AND NOT EXISTS (SELECT FROM billing_line l
                JOIN billing_invoice i ON i.id = l.invoice_id
                WHERE l.charge_id = c.id AND l.live AND i.state <> 'draft')) AS unbilled_services,
        (SELECT count(*) FROM billing_invoice WHERE admission_id = :id AND kind <> 'credit_note'
            AND state IN ('issued', 'part_paid')) AS unpaid_invoices
"""


async def test_a_released_test_is_charged_and_the_checklist_says_what_is_open(
    till: Till, lab: Lab, ward: WardFactory, hospital: Hospital, query: Query
) -> None:
    billing = till.services.billing
    (bed,) = await ward("ICU", 1)
    here = await admitted(till, bed.id)
    await till.price("DRESS", "10")
    await billing.define_cashier(till.admin, command(), CashierIn(code="C1", name="Counter 1"))
    opening = ShiftIn.model_validate({"opening_cash": "0"})
    await billing.open_cashier_shift(till.clerk, command(), "C1", opening)

    async def told() -> dict[str, int]:
        """What the checklist counts; as many as there are rows."""
        async with reading(hospital) as uow:
            found = await billing.outstanding(uow, here.patient_id, here.id)
        counted = {one.kind.value: one.count for one in found}
        (rows,) = await query(RECOUNT, id=here.id)
        assert counted == {name: count for name, count in rows._asdict().items() if count}
        return counted

    test = await lab.until(LabState.RESULTED, order=await lab.order(patient_id=here.patient_id))
    assert await told() == {}
    await lab.services.lab.verify(lab.otto, command(), test.id, NOW)
    assert await told() == {}
    await lab.services.lab.release(lab.otto, command(), test.id, ReleaseIn())
    (charge,) = await till.charges(here.patient_id)
    assert (charge.service, str(charge.gross), charge.admission_id) == ("LAC", "12.35", here.id)
    dressing = await till.charge(here.patient_id)
    assert await told() == {"unbilled_services": 2}
    interim = InvoiceIn(patient_id=here.patient_id, admission_id=here.id)
    draft = await billing.draft_invoice(till.clerk, command(), interim)
    assert await told() == {"unbilled_services": 2}
    await billing.issue_invoice(till.clerk, command(), draft.id, IssueIn())
    assert await told() == {"unpaid_invoices": 1}
    await billing.reverse_charge(till.admin, command(), dressing.id, BACK)
    await billing.credit_invoice(till.clerk, command(), draft.id)
    assert await told() == {"unpaid_invoices": 1}
    said = {"patient_id": here.patient_id, "counter": "C1", "means": "cash", "amount": "12.35"}
    wanted = PaymentIn.model_validate({**said, "invoice_id": draft.id})
    await billing.take_payment(till.clerk, command(), wanted)
    assert await told() == {}
