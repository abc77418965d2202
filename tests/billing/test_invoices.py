"""What an invoice is of: an estimate charges nothing, an interim invoice what there is, a final one all."""

from datetime import timedelta

from hms_rt.app import Hospital
from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange
from hms_rt.departments.billing.schemas.accounts import InvoiceIn, WhyVoid
from hms_rt.departments.billing.schemas.estimates import EstimateIn, EstimateQuery
from hms_rt.departments.billing.schemas.tariffs import CodeIn
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.schemas import DepartureIn, ReturnIn
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM
from hms_rt.storage.postgres import sqlstate
from tests.billing.conftest import Query, Till, refused
from tests.billing.test_accounts import Counter1, adds_up, desk
from tests.billing.test_charges import admitted, failure
from tests.billing.test_papers import says
from tests.conftest import WardFactory, command

__all__ = ["desk"]

COPIED = (
    "INSERT INTO billing_invoice SELECT (jsonb_populate_record(i, jsonb_build_object("
    "'id', gen_random_uuid(), 'kind', '{kind}', 'state', 'draft', 'number', null, 'issued_at', null,"
    " 'paid', 0, 'total', 0, 'patient_part', 0, 'payer_part', 0{rest}))).*"
    " FROM billing_invoice i WHERE kind = 'final'"
)


async def test_interim_invoices_while_in_a_bed_one_final_one_then_supplements(
    till: Till, desk: Counter1, hospital: Hospital, clock: ManualClock, ward: WardFactory, query: Query
) -> None:
    (bed,) = await ward("ICU", 1)
    here = await admitted(till, bed.id)
    billing, ipd, clerk = desk.billing, till.services.ipd, till.clerk
    interim = InvoiceIn(patient_id=here.patient_id, admission_id=here.id)
    last = InvoiceIn(patient_id=here.patient_id, admission_id=here.id, final=True)
    foreign = InvoiceIn(patient_id=await till.patient("Ohm"), admission_id=here.id)
    await refused(Code.INVALID, billing.draft_invoice(clerk, command(), foreign))
    slip = interim.model_copy(update={"facility": "MIAN"})
    await refused(Code.INVALID, billing.draft_invoice(clerk, command(), slip))
    clock.advance(timedelta(days=2))
    await hospital.durable_timers.run_due()
    await refused(Code.CONFLICT, billing.draft_invoice(clerk, command(), last))
    draft = await billing.draft_invoice(clerk, command(), interim)
    assert (draft.kind, str(draft.total)) == ("interim", "1900.00")
    issued = await desk.issue(draft.id)
    says(await billing.invoice_pdf(clerk, command(), issued.id), "Interim invoice", "€1,900.00")
    await till.charge(here.patient_id)
    await ipd.depart(SYSTEM, command(), here.id, DepartureIn(disposition=Disposition.LEFT))
    draft = await billing.draft_invoice(clerk, command(), last)
    assert (draft.kind, str(draft.total)) == ("final", "12.01")
    await refused(Code.CONFLICT, billing.draft_invoice(clerk, command(), last))
    late = await till.charge(here.patient_id, admission_id=here.id)
    told = await refused(Code.CONFLICT, desk.issue(draft.id))
    assert "Dressing" in told.detail
    await billing.discard_invoice(clerk, command(), draft.id)
    final = await desk.issue((await billing.draft_invoice(clerk, command(), last)).id)
    assert (final.kind, final.number, str(final.total)) == ("final", 2, "24.02")
    assert late.admission_id == here.id
    for attack in (COPIED.format(kind="final", rest=""), COPIED.format(kind="interim", rest="")):
        assert sqlstate(await failure(query(attack))) in {"23505", "23514"}, attack
    supplement = COPIED.format(kind="supplement", rest=", 'admission_id', gen_random_uuid()")
    assert sqlstate(await failure(query(supplement))) == "23514"
    await till.charge(here.patient_id, admission_id=here.id)
    supplement_of = await billing.draft_invoice(clerk, command(), last)
    assert (supplement_of.kind, str(supplement_of.total)) == ("supplement", "12.01")
    await desk.issue(supplement_of.id)
    await billing.request_void(clerk, command(), final.id, WhyVoid(reason="wrong payer"))
    await billing.void_invoice(till.admin, command(), final.id)
    again = await billing.draft_invoice(clerk, command(), last)
    free = BedChange(status=BedStatus.AVAILABLE)
    await till.services.beds.change(SYSTEM, command(), bed.id, free)
    await ipd.cancel_discharge(SYSTEM, command(), here.id, ReturnIn(reason="never left"))
    await refused(Code.CONFLICT, desk.issue(again.id))
    forced = "UPDATE billing_invoice SET state = 'issued', number = 9, issued_at = now() WHERE id = :id"
    assert sqlstate(await failure(query(forced, id=again.id))) == "23514"
    await adds_up(query)


async def test_an_estimate_says_what_it_would_cost_and_charges_nothing(
    till: Till, desk: Counter1, query: Query
) -> None:
    billing, patient_id, clerk = desk.billing, await till.patient(), till.clerk
    await billing.define_payer(till.admin, command(), CodeIn(code="AXA", name="AXA plc"))
    await till.price("BED", "80", payer="AXA", payer_share="90", tax_rate="10")
    await till.cover(patient_id, payer="AXA")
    items = [{"service": "DRESS", "quantity": "2"}, {"service": "BED", "quantity": "3"}]
    wanted = EstimateIn.model_validate({"patient_id": patient_id, "items": items, "note": "hip, left"})
    made = await billing.estimate(clerk, command(), wanted)
    assert (made.number, str(made.total), str(made.payer_part)) == (1, "288.01", "237.60")
    assert str(made.patient_part) == "50.41"
    paper = await billing.estimate_pdf(clerk, command(), made.id)
    says(paper, "Estimate", "MAIN-1", "hip, left", "€288.01", "€50.41", "AXA plc", "An estimate of what is")
    says(await billing.estimate_pdf(clerk, command(), made.id), "COPY 1")
    listed = await billing.estimates(clerk, command(), EstimateQuery(patient_id=patient_id))
    assert listed.items == [await billing.estimate_of(clerk, command(), made.id)] == [made]
    assert await till.charges(patient_id) == []
    assert (await adds_up(query)).charged == 0
    slip = wanted.model_copy(update={"facility": "MIAN"})
    await refused(Code.INVALID, billing.estimate(clerk, command(), slip))
    for missing, code in (("NONE", Code.NOT_FOUND), ("TILL", Code.CONFLICT)):
        asked = {"patient_id": patient_id, "items": [{"service": missing, "quantity": "1"}]}
        await refused(code, billing.estimate(clerk, command(), EstimateIn.model_validate(asked)))
    for attack in (
        "UPDATE billing_estimate SET total = total + 1, patient_part = patient_part + 1",
        "UPDATE billing_estimate_line SET quantity = 9",
        "DELETE FROM billing_estimate_line",
        "DELETE FROM billing_estimate",
        "INSERT INTO billing_estimate SELECT (jsonb_populate_record(e, jsonb_build_object('id',"
        " gen_random_uuid()))).* FROM billing_estimate e",
        "INSERT INTO billing_estimate SELECT (jsonb_populate_record(e, jsonb_build_object('id',"
        " gen_random_uuid(), 'number', 2))).* FROM billing_estimate e",
        "INSERT INTO billing_estimate_line SELECT (jsonb_populate_record(l, '{\"position\": 3}')).*"
        " FROM billing_estimate_line l WHERE position = 1",
    ):
        assert sqlstate(await failure(query(attack))) in {"23001", "23505", "23514"}, attack
