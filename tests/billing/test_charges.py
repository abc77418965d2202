"""What departments do is charged once, at the tariff of its day; nothing is lost, no mistake stays."""

import uuid
from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.billing.model.days import charged_days, day_of, end_of
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.projector.bed_days import LATE
from hms_rt.departments.billing.schemas.charges import ChargeIn, PriceCharge, ProcedureIn, ReverseCharge
from hms_rt.departments.billing.schemas.tariffs import CodeIn, ServiceIn
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    AdmissionOut,
    BedChoice,
    CorrectionIn,
    DepartureIn,
    ReturnIn,
    Timed,
    TransferIn,
)
from hms_rt.departments.opd.model.visit import Disposition as Home
from hms_rt.departments.opd.schemas.queue import CallIn, ClinicIn, CounterIn, Late, TokenIn
from hms_rt.departments.opd.schemas.queue import TransferIn as Onward
from hms_rt.departments.opd.schemas.visits import VisitClose, VisitEnd, VisitIn
from hms_rt.departments.patients.schemas import MergeIn
from hms_rt.departments.patients.schemas.merging import UndoMerge
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.conftest import PersonFactory, WardFactory, command

DAY = timedelta(days=1)
VIENNA = ZoneInfo("Europe/Vienna")


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores, clock: ManualClock) -> AsyncIterator[Hospital]:
    """Not started: timers fire when a test lets them."""
    made = Hospital(settings, stores, clock=clock)
    yield made
    await made.close()


@pytest.fixture
def clock() -> ManualClock:
    """Noon in Vienna, two days before the clocks are set back."""
    return ManualClock(datetime(2026, 10, 23, 10, tzinfo=UTC))


def test_days_are_those_of_the_clocks_on_the_wall() -> None:
    shorter, longer = date(2026, 3, 29), date(2026, 10, 25)
    lengths = [end_of(day, VIENNA) - end_of(day - DAY, VIENNA) for day in (shorter, longer)]
    assert lengths == [timedelta(hours=23), timedelta(hours=25)]
    skipped = ZoneInfo("Africa/Cairo")  # clocks go from 24:00 to 01:00
    assert end_of(date(2026, 4, 23), skipped) == datetime(2026, 4, 23, 22, tzinfo=UTC)
    late = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
    assert day_of(late, VIENNA) == longer
    assert charged_days(longer, longer) == (longer, longer + DAY)


async def admitted(till: Till, bed: uuid.UUID, patient_id: uuid.UUID | None = None) -> AdmissionOut:
    ipd = till.services.ipd
    new = AdmissionIn(patient_id=patient_id or await till.patient(), ward="ICU", reason="sepsis")
    asked = await ipd.request(SYSTEM, command(), new)
    await ipd.accept(SYSTEM, command(), asked.id, Timed())
    return await ipd.assign(SYSTEM, command(), asked.id, BedChoice(bed_id=bed))


async def days(till: Till, patient_id: uuid.UUID, query: Query) -> list[tuple[str, str]]:
    """Day and service of what stands."""
    rows = await query(
        "SELECT right(cause, 5) AS day, service FROM billing_charge WHERE patient_id = :id"
        " AND kind = 'bed_day' AND reverses IS NULL AND reversed_by IS NULL ORDER BY cause",
        id=patient_id,
    )
    return [(row.day, row.service) for row in rows]


async def test_midnights_in_a_bed_are_charged_once_whatever_is_told_late(
    till: Till, hospital: Hospital, clock: ManualClock, ward: WardFactory, query: Query
) -> None:
    (bed,), (other,) = await ward("ICU", 1), await ward("MED", 1)
    here = await admitted(till, bed.id)
    clock.advance(DAY)
    await hospital.durable_timers.run_due()
    assert await days(till, here.patient_id, query) == [("10-23", "BED-ICU")]
    clock.advance(2 * DAY)  # nobody was there; the second night was an hour longer
    await hospital.durable_timers.run_due()
    await hospital.durable_timers.run_due()
    three = [("10-23", "BED-ICU"), ("10-24", "BED-ICU"), ("10-25", "BED-ICU")]
    assert await days(till, here.patient_id, query) == three
    ipd = till.services.ipd
    await ipd.transfer(
        SYSTEM, command(), here.id, TransferIn(bed_id=other.id, occurred_at=clock.now() - 2 * DAY)
    )
    assert await days(till, here.patient_id, query) == three[:1]
    clock.advance(LATE)  # nothing else was told meanwhile
    await hospital.durable_timers.run_due()
    assert await days(till, here.patient_id, query) == [*three[:1], ("10-24", "BED"), ("10-25", "BED")]
    clock.advance(DAY)
    await hospital.durable_timers.run_due()
    left = DepartureIn(disposition=Disposition.LEFT, occurred_at=clock.now() - 2 * DAY)
    await ipd.depart(SYSTEM, command(), here.id, left)
    assert await days(till, here.patient_id, query) == [*three[:1], ("10-24", "BED")]
    clock.advance(DAY)
    await hospital.durable_timers.run_due()
    assert len(await days(till, here.patient_id, query)) == 2
    free = BedChange(status=BedStatus.AVAILABLE)
    await till.services.beds.change(SYSTEM, command(), other.id, free)
    await ipd.cancel_discharge(SYSTEM, command(), here.id, ReturnIn(reason="never left"))
    clock.advance(LATE)
    await hospital.durable_timers.run_due()
    assert len(await days(till, here.patient_id, query)) == 5
    found = await till.charges(here.patient_id)
    assert {one.admission_id for one in found} == {here.id}
    assert [str(one.gross) for one in found if one.service == "BED"] == ["100.00"] * 4
    (sums,) = await query("SELECT sum(gross) AS gross, count(*) AS n FROM billing_charge")
    assert (str(sums.gross), sums.n) == ("1350.00", 5 + 2 * 4)


async def test_a_day_case_costs_a_day_and_an_admission_that_never_was_nothing(
    till: Till, ward: WardFactory, query: Query
) -> None:
    beds = await ward("ICU", 2)
    day_case, mistake = await admitted(till, beds[0].id), await admitted(till, beds[1].id)
    left = DepartureIn(disposition=Disposition.LEFT)
    await till.services.ipd.depart(SYSTEM, command(), day_case.id, left)
    assert await days(till, day_case.patient_id, query) == [("10-23", "BED-ICU")]
    await till.services.ipd.cancel_admit(SYSTEM, command(), mistake.id, CorrectionIn(reason="wrong patient"))
    assert await days(till, mistake.patient_id, query) == []
    waiting = await query("SELECT key FROM timers WHERE kind = 'billing.bed_day' AND state = 'waiting'")
    assert waiting == []


async def test_a_consultation_is_charged_once_though_the_patient_comes_back(till: Till) -> None:
    opd = till.services.opd
    for code in ("GEN", "LAB", "TILL"):
        await opd.define_clinic(SYSTEM, command(), ClinicIn(code=code, name=code))
        await opd.define_counter(SYSTEM, command(), code, CounterIn(code=f"{code}1", name=code))
        await opd.open_counter(SYSTEM, command(), f"{code}1")
    patient_id = await till.patient()
    token = await opd.issue(SYSTEM, command(), "GEN", TokenIn(patient_id=patient_id))

    async def seen(token_id: uuid.UUID, clinic: str) -> None:
        await opd.call(SYSTEM, command(), token_id, CallIn(counter=f"{clinic}1"))
        await opd.serve(SYSTEM, command(), token_id, Late())

    at = token.id
    await seen(at, "GEN")
    for before, clinic in (("GEN", "TILL"), ("TILL", "GEN")):
        at = (await opd.transfer(SYSTEM, command(), at, Onward(clinic=clinic))).id
        assert before != clinic
        await seen(at, clinic)
    await opd.done(SYSTEM, command(), at, Late())
    (charge,) = await till.charges(patient_id)
    assert (charge.service, str(charge.gross)) == ("CONS", "40.00")


async def test_procedures_are_recorded_by_who_treats_and_cancelled_again(
    till: Till, ward: WardFactory, person: PersonFactory
) -> None:
    billing = till.services.billing
    (bed,) = await ward("ICU", 1)
    here = await admitted(till, bed.id)
    await till.price("DRESS", "40")
    nurse, stranger = await person(Role.NURSE, ward="ICU"), await person(Role.NURSE, ward="MED")
    said = {"patient_id": here.patient_id, "service": "DRESS", "quantity": "2"}
    wanted = ProcedureIn.model_validate(said)
    done = await billing.record_procedure(nurse, command(), wanted)
    assert (done.service, done.admission_id) == ("DRESS", here.id)
    await refused(Code.FORBIDDEN, billing.record_procedure(stranger, command(), wanted))
    visit = ProcedureIn.model_validate({**said, "service": "CONS"})
    await refused(Code.INVALID, billing.record_procedure(nurse, command(), visit))
    (charge,) = await till.charges(here.patient_id)
    assert (charge.id, str(charge.gross)) == (done.id, "80.00")
    why = ReverseCharge(reason="was not done")
    await refused(Code.FORBIDDEN, billing.cancel_procedure(stranger, command(), done.id, why))
    await billing.cancel_procedure(nurse, command(), done.id, why)
    await refused(Code.CONFLICT, billing.cancel_procedure(nurse, command(), done.id, why))
    assert await till.charges(here.patient_id) == []


async def test_a_visit_without_a_number_is_charged_and_with_one_only_once(
    till: Till, person: PersonFactory
) -> None:
    opd, billing = till.services.opd, till.services.billing
    await opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="GEN"))
    await opd.define_counter(SYSTEM, command(), "GEN", CounterIn(code="GEN1", name="GEN1"))
    await opd.open_counter(SYSTEM, command(), "GEN1")

    doctor = await person(Role.DOCTOR, clinic="GEN", counter="GEN1")

    async def visited(patient_id: uuid.UUID, *, closed: bool = True) -> None:
        visit = await opd.open_visit(SYSTEM, command(), VisitIn(patient_id=patient_id, clinic="GEN"))
        if not closed:
            why = VisitEnd(reason="wrong patient")
            await opd.cancel_visit(SYSTEM, command(), visit.id, why)
            return
        await opd.consult(doctor, command(), visit.id, Late())
        await opd.close_visit(doctor, command(), visit.id, VisitClose(disposition=Home.HOME))

    walked, queued, back = await till.patient(), await till.patient("Ohm"), await till.patient("Volta")
    await visited(walked)
    await visited(walked, closed=False)
    for patient_id in (queued, back):
        token = await opd.issue(SYSTEM, command(), "GEN", TokenIn(patient_id=patient_id))
        await opd.call(SYSTEM, command(), token.id, CallIn(counter="GEN1"))
        if patient_id == queued:
            await visited(patient_id)
            continue
        visit = await opd.open_visit(SYSTEM, command(), VisitIn(patient_id=patient_id, clinic="GEN"))
        await opd.consult(doctor, command(), visit.id, Late())
        await opd.done(SYSTEM, command(), token.id, Late())
        (charge,) = await till.charges(patient_id)
        why = ReverseCharge(reason="was not done")
        await billing.reverse_charge(till.admin, command(), charge.id, why)
        await opd.close_visit(doctor, command(), visit.id, VisitClose(disposition=Home.HOME))
    for patient_id, many in ((walked, 1), (queued, 1), (back, 0)):
        assert [one.service for one in await till.charges(patient_id)] == ["CONS"] * many


async def test_without_a_tariff_nothing_is_lost(till: Till, query: Query) -> None:
    patient_id = await till.patient()
    billing = till.services.billing
    waiting = await till.charge(patient_id, "3")
    assert (waiting.gross, waiting.service) == (None, "DRESS")
    (listed,) = await till.charges(patient_id, standing="to_be_priced")
    assert listed == waiting
    await refused(Code.CONFLICT, billing.price_charge(till.clerk, command(), waiting.id, PriceCharge()))
    await till.price("DRESS", "0.005", tax_rate="20", payer_share="33.333", valid_from="2026-11-01")
    await refused(Code.CONFLICT, billing.price_charge(till.clerk, command(), waiting.id, PriceCharge()))
    await till.price("DRESS", "1.115", tax_rate="20", payer_share="33.333", valid_until="2026-11-01")
    priced = await billing.price_charge(till.clerk, command(), waiting.id, PriceCharge())
    shown = [
        str(one) for one in (priced.net, priced.tax, priced.gross, priced.payer_part, priced.patient_part)
    ]
    assert shown == ["3.35", "0.67", "4.02", "1.34", "2.68"]
    await refused(Code.CONFLICT, billing.price_charge(till.clerk, command(), waiting.id, PriceCharge()))
    why = ReverseCharge(reason="was not done")
    back = await billing.reverse_charge(till.admin, command(), waiting.id, why)
    assert (str(back.gross), back.reverses) == ("-4.02", waiting.id)
    await refused(Code.CONFLICT, billing.reverse_charge(till.admin, command(), waiting.id, why))
    await refused(Code.CONFLICT, billing.reverse_charge(till.admin, command(), back.id, why))
    assert await till.charges(patient_id) == []
    (row,) = await query("SELECT sum(gross) AS gross FROM billing_charge")
    assert row.gross == 0


async def test_what_is_charged_priced_or_taken_back_by_hand_says_why(till: Till, query: Query) -> None:
    billing, patient_id = till.services.billing, await till.patient()
    await billing.define_service(
        till.admin, command(), ServiceIn(code="STITCH", name="Suture", kind=ServiceKind.PROCEDURE)
    )
    await till.price("STITCH", "9.00")
    with pytest.raises(ValueError, match="reason"):
        ChargeIn.model_validate({"patient_id": patient_id, "service": "DRESS", "quantity": "1"})
    with pytest.raises(ValueError, match="say why it is priced"):
        PriceCharge(service="STITCH")
    waiting = await till.charge(patient_id, reason="told by the ward by telephone")
    assert waiting.reason == "told by the ward by telephone"
    chosen = PriceCharge(service="STITCH", reason="was a suture")
    priced = await billing.price_charge(till.clerk, command(), waiting.id, chosen)
    assert (priced.service, priced.reason) == ("STITCH", "was a suture")
    why = ReverseCharge(reason="was not done")
    await billing.reverse_charge(till.admin, command(), waiting.id, why)
    rows = await query("SELECT detail FROM audit_log WHERE action LIKE 'charge.%' ORDER BY id")
    assert [row.detail["reason"] for row in rows] == [
        "told by the ward by telephone",
        "was a suture",
        "was not done",
    ]
    assert sqlstate(await failure(query("UPDATE billing_charge SET reason = 'another'"))) == "23001"


async def test_the_price_is_that_of_payer_class_and_day(till: Till) -> None:
    billing, patient_id = till.services.billing, await till.patient()
    await billing.define_payer(till.admin, command(), CodeIn(code="AOK", name="Insurer"))
    await billing.define_class(till.admin, command(), CodeIn(code="PRIV", name="Private"))
    await till.price("DRESS", "10")
    await till.price("DRESS", "20", patient_class="PRIV")
    await till.price("DRESS", "8", payer="AOK", payer_share="100")
    await till.price("DRESS", "9", payer="AOK", payer_share="100", valid_from="2026-10-01")

    async def cost(**said: str) -> str:
        await till.cover(patient_id, **said)
        return str((await till.charge(patient_id)).unit_price)

    assert await cost() == "10"
    assert await cost(patient_class="PRIV") == "20"
    assert await cost(payer="AOK", patient_class="PRIV") == "9"
    earlier = await till.charge(patient_id, occurred_at="2026-09-30T12:00:00Z")
    assert (str(earlier.unit_price), str(earlier.patient_part)) == ("8", "0.00")
    assert len({one.id for one in await till.charges(patient_id)}) == 4
    overlapping = till.price("DRESS", "7", payer="AOK", valid_from="2026-09-01", valid_until="2026-10-02")
    await refused(Code.CONFLICT, overlapping)
    await refused(Code.NOT_FOUND, till.price("NONE", "1"))
    await refused(Code.NOT_FOUND, till.price("DRESS", "1", payer="NONE"))


async def test_charges_follow_a_merge_and_its_undo(till: Till, ward: WardFactory, query: Query) -> None:
    (bed,) = await ward("ICU", 1)
    here, other = await admitted(till, bed.id), await till.patient("Skłodowska")
    own, foreign = await till.charge(other), await till.charge(here.patient_id)
    patients = till.services.patients
    wanted = MergeIn(from_id=here.patient_id, reason="registered twice")
    merged = await patients.merge(SYSTEM, command(), other, wanted)
    assert {one.id for one in await till.charges(other)} == {own.id, foreign.id}
    back = await till.services.billing.reverse_charge(
        till.admin, command(), foreign.id, ReverseCharge(reason="was not done")
    )
    left = DepartureIn(disposition=Disposition.LEFT)
    await till.services.ipd.depart(SYSTEM, command(), here.id, left)
    assert await days(till, other, query) == [("10-23", "BED-ICU")]
    await patients.undo_merge(SYSTEM, command(), merged.id, UndoMerge(reason="two people"))
    assert [one.id for one in await till.charges(other)] == [own.id]
    assert await days(till, here.patient_id, query) == [("10-23", "BED-ICU")]
    (row,) = await query("SELECT patient_id FROM billing_charge WHERE id = :id", id=back.id)
    assert row.patient_id == here.patient_id


async def failure(attack: Awaitable[object]) -> BaseException:
    """How an attack ended."""
    try:
        await attack
    except DBAPIError as error:
        return error
    return AssertionError("it was let through")


ATTACKS = (
    "UPDATE billing_charge SET gross = 1",
    "UPDATE billing_charge SET quantity = 2",
    "UPDATE billing_charge SET patient_id = (SELECT id FROM patients_patient WHERE id <> patient_id LIMIT 1)",
    "UPDATE billing_charge SET reversed_by = id",
    "DELETE FROM billing_charge",
    "TRUNCATE billing_charge CASCADE",
    "UPDATE billing_price SET unit_price = 0",
    "DELETE FROM billing_price",
    "UPDATE billing_currency SET scale = 0, code = 'JPY'",
    *(
        "INSERT INTO billing_charge SELECT (jsonb_populate_record(c,"
        f" jsonb_build_object('id', gen_random_uuid(){change}))).*"
        " FROM billing_charge c WHERE gross IS NOT NULL"
        for change in (
            "",
            ", 'cause', 'x', 'net', 12.345, 'gross', 12.345, 'patient_part', 12.345",
            ", 'cause', 'x', 'net', 'NaN', 'gross', 'NaN', 'patient_part', 'NaN'",
            ", 'cause', 'x', 'gross', 13",
            ", 'cause', 'x', 'patient_part', 0",
            ", 'cause', 'x', 'net', -40.00, 'gross', -40.00, 'patient_part', -40.00",
            ", 'cause', 'x', 'reverses', c.id, 'reason', 'no opposite'",
            ", 'cause', 'x', 'service', null",
            ", 'cause', 'x', 'tax', null",
        )
    ),
    "INSERT INTO billing_price SELECT gen_random_uuid(), tariff_id, '2026-01-01', NULL, 1, 0, 0, now(), id"
    " FROM billing_price",
    "INSERT INTO billing_price SELECT gen_random_uuid(), tariff_id, '1990-01-01', '1991-01-01', 0.0000001, 0,"
    " 0, now(), id FROM billing_price",
)


async def test_the_database_itself_refuses_what_would_make_the_ledger_wrong(till: Till, query: Query) -> None:
    await till.price("DRESS", "40")
    await till.patient()
    await till.charge(await till.patient())
    for attack in ATTACKS:
        told = await failure(query(attack))
        assert sqlstate(told) in {"23001", "23505", "23514", "23P01"}, (attack, told)
