"""Patients, stays, tokens and tests in every state that a request may be about."""

import uuid
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.beds.schemas import BedChange, BedIn, BedOut, CleaningIn, CleaningOut, CleaningQuery
from hms_rt.departments.ipd.model import Disposition
from hms_rt.departments.ipd.model.medication import Outcome
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    AdmissionOut,
    BedChoice,
    BirthIn,
    DepartureIn,
    DischargeOrderIn,
    HoldIn,
    Timed,
    TransferIn,
)
from hms_rt.departments.ipd.schemas.leaving import SummaryIn
from hms_rt.departments.ipd.schemas.medication import AdministrationIn, AdministrationOut, DoseOut, DoseQuery
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.schemas.alerts import AlertNote, AlertOut, AlertQuery
from hms_rt.departments.lab.schemas.catalogue import (
    CatalogueIn,
    PanelIn,
    PanelOut,
    RangeIn,
    RangeSetIn,
    RangeSetOut,
)
from hms_rt.departments.lab.schemas.ordering import (
    LabOrderIn,
    LabOrderOut,
    LabTestOut,
    SpecimenIn,
    SpecimenOut,
    When,
)
from hms_rt.departments.lab.schemas.results import ReleaseIn, ResultIn
from hms_rt.departments.opd.schemas.queue import CallIn, Late, TokenIn, TokenOut
from hms_rt.departments.patients.model.allergy import AllergyCategory, Severity
from hms_rt.departments.patients.model.contact import ContactKind
from hms_rt.departments.patients.model.identifier import IdentifierType
from hms_rt.departments.patients.model.record_type import WrittenAs
from hms_rt.departments.patients.schemas import EntryNew, EntryOut, MergeIn, MergeOut, PatientNew, PatientOut
from hms_rt.departments.patients.schemas.allergies import AllergyIn, AllergyOut
from hms_rt.departments.patients.schemas.details import ContactIn, ContactOut, IdentifierIn, IdentifierOut
from hms_rt.departments.patients.schemas.record_types import RecordTypeIn
from hms_rt.departments.pharmacy.schemas.prescriptions import (
    Activation,
    OverrideIn,
    PrescriptionIn,
    PrescriptionOut,
    Why,
)
from hms_rt.departments.pharmacy.schemas.prescriptions import When as RxWhen
from hms_rt.departments.pharmacy.schemas.stock import (
    DispenseIn,
    DispenseOut,
    ReceiptIn,
    StockOut,
    WriteOffIn,
    WriteOffOut,
)
from hms_rt.kernel.principal import SYSTEM, Principal
from tests.conftest import command

WARD, OTHER_WARD, CLINIC, OTHER_CLINIC = "ICU", "MED", "GEN", "SUR"
DOCTOR = uuid.UUID("0190a000-0000-7000-8000-00000000d0c1")
"""For whom patients wait."""
DISPENSARY = "MAIN"
COUNTERS = ("C1", "C2", "C3")
CATALOGUE = (
    CatalogueIn(
        code="LAC",
        name="Lactate",
        specimen_kind=SpecimenKind.BLOOD,
        unit="mmol/L",
        decimals=1,
        reference_low="0.5",
        reference_high="2.0",
        critical_high="4.0",
    ),
    CatalogueIn(code="CULT", name="Culture", specimen_kind=SpecimenKind.URINE),
)
CHART: dict[str, Any] = {"type": "object", "properties": {"text": {"type": "string"}}}
NORMAL, CRITICAL = "1.2", "9.9"
LINE = {
    "medicine": "AMOX500",
    "dose": "500",
    "route": "oral",
    "frequency": {"kind": "times_per_day", "per_day": 3},
    "duration_days": 5,
}
_AT_COUNTER = "SELECT id, state FROM opd_token WHERE counter_code = :code AND state IN ('called', 'serving')"


class Things:
    """Made through the services, as the server itself or as one of two people in the laboratory."""

    def __init__(self, hospital: Hospital) -> None:
        self.hospital = hospital
        self.services = hospital.services
        self.lab_people: list[Principal] = []
        self.demographics: dict[str, Any] = {"family_name": "Doe"}
        self._serial = 0

    def fresh(self, prefix: str = "X") -> str:
        """A code that nothing has yet."""
        return f"{prefix}{self.number()}"

    def number(self) -> int:
        """A number that was not given before."""
        self._serial += 1
        return self._serial

    async def query(self, statement: str, **parameters: Any) -> list[Any]:
        async with self.hospital.engine.begin() as connection:
            return list((await connection.execute(text(statement), parameters)).all())

    # --- patients and beds

    async def patient(self) -> PatientOut:
        """A new patient, with the demographics of all."""
        new = PatientNew(**self.demographics, confirm_new="another of many for tests")
        return await self.services.patients.register(SYSTEM, command(), new)

    async def entry(self, patient_id: uuid.UUID) -> EntryOut:
        new = EntryNew.model_validate({"kind": "note", "body": {"text": "slept well"}})
        return await self.services.patients.append(SYSTEM, command(), patient_id, new)

    async def identifier(self, patient_id: uuid.UUID) -> IdentifierOut:
        new = IdentifierIn(type=IdentifierType.PASSPORT, issuer="AT", value=self.fresh("P 12"))
        return await self.services.patients.add_identifier(SYSTEM, command(), patient_id, new)

    async def contact(self, patient_id: uuid.UUID) -> ContactOut:
        new = ContactIn(kind=ContactKind.NEXT_OF_KIN, name="Jo Kin", phone="0664 1234")
        return await self.services.patients.add_contact(SYSTEM, command(), patient_id, new)

    async def allergy(self, patient_id: uuid.UUID) -> AllergyOut:
        new = AllergyIn(category=AllergyCategory.MEDICATION, substance="penicillin", severity=Severity.SEVERE)
        return await self.services.patients.add_allergy(SYSTEM, command(), patient_id, new)

    async def kind(self) -> str:
        """A kind of entries that the hospital defined."""
        new = RecordTypeIn(
            code=self.fresh("chart_"), name="Wound chart", written_as=WrittenAs.NOTE, body_schema=CHART
        )
        return (await self.services.patients.define_record_type(SYSTEM, command(), new)).code

    async def merged(self) -> MergeOut:
        """A new patient, and another who was merged into the first."""
        into, source = await self.patient(), await self.patient()
        wanted = MergeIn(from_id=source.id, reason="registered twice")
        return await self.services.patients.merge(SYSTEM, command(), into.id, wanted)

    async def bed(self, ward: str = WARD) -> BedOut:
        new = BedIn(ward=ward, room="R1", code=self.fresh("b"))
        return await self.services.beds.define_bed(SYSTEM, command(), new)

    async def bed_of_its_own(self) -> BedOut:
        """A bed alone in its room."""
        new = BedIn(ward=WARD, room=self.fresh("own"), code=self.fresh("b"))
        return await self.services.beds.define_bed(SYSTEM, command(), new)

    async def requested(self, patient: PatientOut | None = None) -> AdmissionOut:
        patient = patient or await self.patient()
        new = AdmissionIn(patient_id=patient.id, ward=WARD, reason="sepsis")
        return await self.services.ipd.request(SYSTEM, command(), new)

    async def accepted(self, patient: PatientOut | None = None) -> AdmissionOut:
        return await self.services.ipd.accept(SYSTEM, command(), (await self.requested(patient)).id, Timed())

    async def admitted(self, patient: PatientOut | None = None) -> AdmissionOut:
        waiting, bed = await self.accepted(patient), await self.bed()
        return await self.services.ipd.assign(SYSTEM, command(), waiting.id, BedChoice(bed_id=bed.id))

    async def transferred(self) -> AdmissionOut:
        """Somebody whose former bed is available again."""
        here, to = await self.admitted(), await self.bed()
        wanted = TransferIn(bed_id=to.id)
        moved = await self.services.ipd.transfer(SYSTEM, command(), here.id, wanted)
        left = await self.services.beds.bed(SYSTEM, command(), here.stays[-1].bed_id)
        await self.set_bed(left, "available")
        return moved

    async def child_apart(self) -> AdmissionOut:
        """A child whose mother went to another room without it."""
        here, ipd = await self.admitted(), self.services.ipd
        child = await ipd.birth(SYSTEM, command(), here.id, BirthIn(born_at=self.hospital.clock.now()))
        to = await self.bed_of_its_own()
        await ipd.transfer(
            SYSTEM, command(), here.id, TransferIn(bed_id=to.id, children_stay="intensive care")
        )
        return await ipd.admission(SYSTEM, command(), child.admission.id)

    async def holding(self) -> AdmissionOut:
        """Somebody for whom a bed is held."""
        here, to = await self.admitted(), await self.bed()
        return await self.services.ipd.hold(SYSTEM, command(), here.id, HoldIn(bed_id=to.id))

    async def summarised(self) -> AdmissionOut:
        """Somebody whose discharge summary is written."""
        here = await self.admitted()
        said = SummaryIn(diagnoses="sepsis", course="got well")
        await self.services.ipd.write_summary(SYSTEM, command(), here.id, said)
        return here

    async def cleaning(self) -> CleaningOut:
        """A bed that waits to be cleaned."""
        bed = await self.set_bed(await self.bed(), "cleaning")
        found = await self.services.beds.cleanings(SYSTEM, CleaningQuery(ward=bed.ward, limit=200))
        return next(one for one in found.items if one.bed_id == bed.id)

    async def claimed_cleaning(self) -> CleaningOut:
        """A bed that somebody cleans."""
        return await self.services.beds.claim_cleaning(SYSTEM, command(), (await self.cleaning()).id)

    async def spot_cleaning(self) -> CleaningOut:
        """Something else to be cleaned at a bed."""
        wanted = CleaningIn(note="coffee on the floor")
        return await self.services.beds.request_cleaning(SYSTEM, command(), (await self.bed()).id, wanted)

    async def ordered_out(self) -> AdmissionOut:
        here = await self.admitted()
        return await self.services.ipd.order_discharge(SYSTEM, command(), here.id, DischargeOrderIn())

    async def discharged(self) -> AdmissionOut:
        """Somebody whose bed is available again."""
        going = await self.ordered_out()
        ipd, beds = self.services.ipd, self.services.beds
        gone = await ipd.depart(SYSTEM, command(), going.id, DepartureIn(disposition=Disposition.HOME))
        bed = await beds.bed(SYSTEM, command(), gone.stays[-1].bed_id)
        await self.set_bed(bed, "available")
        return gone

    async def set_bed(self, bed: BedOut, status: str) -> BedOut:
        wanted = BedChange.model_validate({"status": status})
        envelope = command(expected_version=bed.version)
        return await self.services.beds.change(SYSTEM, envelope, bed.id, wanted)

    # --- queues

    async def waiting(self, patient: PatientOut | None = None) -> TokenOut:
        patient = patient or await self.patient()
        wanted = TokenIn(patient_id=patient.id, doctor_id=DOCTOR)
        return await self.services.opd.issue(SYSTEM, command(), CLINIC, wanted)

    async def free_counter(self) -> str:
        """An open counter with nobody at it."""
        code = COUNTERS[0]
        opd = self.services.opd
        for row in await self.query(_AT_COUNTER, code=code):
            leave = opd.recall if row.state == "called" else opd.done
            await leave(SYSTEM, command(), row.id, Late())
        await opd.open_counter(SYSTEM, command(), code)
        return code

    async def called(self, patient: PatientOut | None = None) -> TokenOut:
        counter, token = await self.free_counter(), await self.waiting(patient)
        return await self.services.opd.call(SYSTEM, command(), token.id, CallIn(counter=counter))

    async def serving(self) -> TokenOut:
        return await self.services.opd.serve(SYSTEM, command(), (await self.called()).id, Late())

    async def on_hold(self) -> TokenOut:
        return await self.services.opd.hold(SYSTEM, command(), (await self.waiting()).id, Late())

    async def missed(self) -> TokenOut:
        return await self.services.opd.no_show(SYSTEM, command(), (await self.called()).id, Late())

    # --- laboratory

    async def panel(self) -> PanelOut:
        new = PanelIn(code=self.fresh("P"), name="Panel", tests=["LAC"])
        return await self.services.lab.define_panel(SYSTEM, command(), new)

    async def range_set(self) -> RangeSetOut:
        begins = date(2100, 1, 1) + timedelta(days=self.number())
        new = RangeSetIn(valid_from=begins, unit="mmol/L", source="Manufacturer", ranges=[RangeIn()])
        return await self.services.lab.define_ranges(SYSTEM, command(), "LAC", new)

    async def order(self, patient: PatientOut | None = None) -> LabOrderOut:
        patient = patient or await self.patient()
        new = LabOrderIn(patient_id=patient.id, tests=["LAC"], ward=WARD)
        return await self.services.lab.order(SYSTEM, command(), new)

    async def collected(self, patient: PatientOut | None = None) -> SpecimenOut:
        order, taken = await self.order(patient), SpecimenIn(kind=SpecimenKind.BLOOD)
        return await self.services.lab.collect(self.lab_people[0], command(), order.id, taken)

    async def received(self, patient: PatientOut | None = None) -> SpecimenOut:
        specimen = await self.collected(patient)
        return await self.services.lab.receive(self.lab_people[0], command(), specimen.id, When())

    async def resulted(self, value: str = NORMAL, patient: PatientOut | None = None) -> LabTestOut:
        test_id = (await self.received(patient)).tests[0]
        measured = ResultIn(value=value)
        return await self.services.lab.enter_result(self.lab_people[0], command(), test_id, measured)

    async def verified(self) -> LabTestOut:
        test = await self.resulted()
        return await self.services.lab.verify(self.lab_people[1], command(), test.id, When())

    async def released(self) -> LabTestOut:
        test = await self.verified()
        return await self.services.lab.release(self.lab_people[1], command(), test.id, ReleaseIn())

    async def released_alone(self) -> LabTestOut:
        test, why = await self.resulted(), ReleaseIn(reason="alone at night")
        return await self.services.lab.release(self.lab_people[0], command(), test.id, why)

    async def alert(self, patient: PatientOut | None = None) -> AlertOut:
        test = await self.resulted(CRITICAL, patient)
        found = await self.services.lab.alerts(SYSTEM, command(), AlertQuery(limit=200))
        return next(one for one in found.items if one.test_id == test.id)

    async def acknowledged(self) -> AlertOut:
        alert = await self.alert()
        return await self.services.lab.acknowledge(SYSTEM, command(), alert.id, AlertNote())

    # --- pharmacy

    async def draft(self, patient: PatientOut | None = None) -> PrescriptionOut:
        here = await self.admitted(patient)
        wanted = {"patient_id": str(here.patient_id), "admission_id": str(here.id), "lines": [LINE]}
        new = PrescriptionIn.model_validate(wanted)
        return await self.services.pharmacy.prescribe(SYSTEM, command(), new)

    async def prescription(self, patient: PatientOut | None = None) -> PrescriptionOut:
        """In force, and so in the dispensary's queue."""
        draft = await self.draft(patient)
        return await self.services.pharmacy.activate(SYSTEM, command(), draft.id, Activation())

    async def dose(self, patient: PatientOut | None = None) -> DoseOut:
        """One that is due now."""
        here = await self.admitted(patient)
        once = {**LINE, "frequency": {"kind": "once"}}
        wanted = {"patient_id": str(here.patient_id), "admission_id": str(here.id), "lines": [once]}
        pharmacy, new = self.services.pharmacy, PrescriptionIn.model_validate(wanted)
        draft = await pharmacy.prescribe(SYSTEM, command(), new)
        await pharmacy.activate(SYSTEM, command(), draft.id, Activation())
        query = DoseQuery(admission_id=here.id)
        (due,) = (await self.services.medication.doses(SYSTEM, command(), query)).items
        return due

    async def administered(self) -> AdministrationOut:
        due = await self.dose()
        told = AdministrationIn(outcome=Outcome.GIVEN)
        return await self.services.medication.administer(SYSTEM, command(), due.id, told)

    async def as_needed(self) -> PrescriptionOut:
        here = await self.admitted()
        often = {**LINE, "frequency": {"kind": "as_needed", "max_per_24h": 4}}
        wanted = {"patient_id": str(here.patient_id), "admission_id": str(here.id), "lines": [often]}
        pharmacy, new = self.services.pharmacy, PrescriptionIn.model_validate(wanted)
        draft = await pharmacy.prescribe(SYSTEM, command(), new)
        raised = await pharmacy.prescription_warnings(SYSTEM, command(), draft.id)
        overrides = [
            OverrideIn(line_id=one.line_id, kind=one.kind, reason="agreed") for one in raised.warnings
        ]
        return await pharmacy.activate(SYSTEM, command(), draft.id, Activation(overrides=overrides))

    async def shelf(self) -> StockOut:
        """A lot of its own in the dispensary."""
        goods = ReceiptIn.model_validate(
            {"medicine": "AMOX500", "lot": self.fresh("L"), "expires_on": "2099-01-31", "quantity": "100"}
        )
        return await self.services.pharmacy.receive(SYSTEM, command(), DISPENSARY, goods)

    async def prepared(self, patient: PatientOut | None = None) -> DispenseOut:
        await self.shelf()
        active = await self.prescription(patient)
        line = {"line_id": str(active.lines[0].id), "quantity": "3"}
        wanted = DispenseIn.model_validate({"lines": [line]})
        return await self.services.pharmacy.prepare(SYSTEM, command(), active.id, wanted)

    async def handed_over(self, patient: PatientOut | None = None) -> DispenseOut:
        made = await self.prepared(patient)
        return await self.services.pharmacy.hand_over(SYSTEM, command(), made.id, RxWhen())

    async def write_off(self) -> WriteOffOut:
        here = await self.shelf()
        wanted = {"lot_id": str(here.lot_id), "store": DISPENSARY, "quantity": "2", "reason": "broken"}
        new = WriteOffIn.model_validate(wanted)
        return await self.services.pharmacy.request_write_off(SYSTEM, command(), new)

    async def held(self) -> PrescriptionOut:
        active = await self.prescription()
        return await self.services.pharmacy.hold(SYSTEM, command(), active.id, Why(reason="dose unclear"))
