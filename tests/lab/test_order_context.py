"""Why an order was made: the question, and of the record only what a result is judged by."""

import uuid
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from hms_rt.departments.ipd.schemas import AdmissionIn, BedChoice, Timed
from hms_rt.departments.lab.schemas.ordering import LabOrderIn
from hms_rt.departments.opd.schemas.queue import ClinicIn
from hms_rt.departments.opd.schemas.visits import VisitEntryIn, VisitIn
from hms_rt.departments.patients.schemas.record import ContextRef, EntryNew
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.conftest import ClientFactory, PersonFactory, WardFactory, command
from tests.lab.conftest import Lab, Query, refused

ASKED: dict[str, Any] = {"question": "Sepsis?", "diagnoses": ["A41.9"]}


async def ordered(lab: Lab, by: Principal, patient: uuid.UUID, **said: Any) -> uuid.UUID:
    wanted = LabOrderIn(patient_id=patient, tests=["LAC"], **said)
    return (await lab.services.lab.order(by, command(), wanted)).id


async def test_the_laboratory_reads_the_visits_diagnoses_vitals_and_medication_and_nothing_else(
    lab: Lab, person: PersonFactory, client_as: ClientFactory, query: Query
) -> None:
    opd, patients = lab.services.opd, lab.services.patients
    await opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General"))
    doctor, patient = await person(Role.DOCTOR, clinic="GEN"), await lab.patient()
    earlier = EntryNew(kind="diagnosis", body={"text": "asthma", "code": "J45"})
    visit = await opd.open_visit(SYSTEM, command(), VisitIn(clinic="GEN", patient_id=patient))
    await patients.append(doctor, command(), patient, earlier)
    bodies: dict[str, dict[str, Any]] = {
        "vitals": {"temperature_c": "39.4", "own_score": 7},
        "note": {"text": "private"},
        "medication": {"name": "Warfarin", "dose": "5", "reason": "private"},
        "diagnosis": {"text": "fever", "code": "R50.9", "comment": "private"},
    }
    for kind, body in bodies.items():
        entry = VisitEntryIn(kind=kind, body=body)
        await opd.write_into(doctor, command(), visit.id, entry)
    order = await ordered(lab, doctor, patient, clinic="GEN", **ASKED)
    seen = await lab.services.lab.order_context(lab.anne, command(), order)
    assert (seen.question, seen.diagnoses) == ("Sepsis?", ["A41.9"])
    assert seen.encounter == ContextRef(kind="visit", id=visit.id)
    assert {entry.kind: entry.body for entry in seen.entries} == {
        "vitals": {"temperature_c": "39.4"},
        "medication": {"name": "Warfarin", "dose": "5"},
        "diagnosis": {"text": "fever", "code": "R50.9"},
    }
    (row,) = await query("SELECT detail, patient_id FROM audit_log WHERE action = 'lab.context_read'")
    assert row.patient_id == patient
    assert set(row.detail["entries"]) == {str(entry.id) for entry in seen.entries}
    laboratory = await client_as(Role.LAB)
    answer = await laboratory.get(f"/api/v1/lab/orders/{order}/context")
    assert (answer.status, (await answer.json())["question"]) == (200, "Sepsis?")
    listed = await (await laboratory.get(f"/api/v1/lab/orders/{order}")).text()
    assert "Sepsis?" not in listed
    told = await query("SELECT ops::text AS said FROM change_log")
    assert not any("Sepsis?" in row.said or "A41.9" in row.said for row in told)


async def test_an_admissions_order_belongs_to_it_and_one_without_an_encounter_shows_the_question_alone(
    lab: Lab, ward: WardFactory
) -> None:
    bed, *_ = await ward("ICU", beds=1)
    inpatient, ipd = await lab.patient("Noether"), lab.services.ipd
    wanted = AdmissionIn(patient_id=inpatient, ward="ICU", reason="sepsis")
    asked = await ipd.request(lab.doctor, command(), wanted)
    await ipd.accept(SYSTEM, command(), asked.id, Timed())
    await ipd.assign(SYSTEM, command(), asked.id, BedChoice(bed_id=bed.id))
    reference = ContextRef(kind="admission", id=asked.id)
    for said in ({}, {"encounter": reference}):
        order = await ordered(lab, lab.doctor, inpatient, ward="ICU", **said)
        assert (await lab.services.lab.order_context(lab.otto, command(), order)).encounter == reference
    other = await lab.patient("Hahn")
    await refused(Code.INVALID, ordered(lab, lab.doctor, other, ward="ICU", encounter=reference))
    alone = await lab.services.lab.order_context(
        lab.nurse, command(), await ordered(lab, lab.doctor, other, ward="ICU", **ASKED)
    )
    assert (alone.question, alone.encounter, alone.entries) == ("Sepsis?", None, [])


async def test_it_is_for_the_laboratory_and_those_who_treat_and_stays_as_it_was_written(
    lab: Lab, person: PersonFactory, query: Query
) -> None:
    order = await ordered(lab, lab.doctor, await lab.patient(), ward="ICU", **ASKED)
    for who in (
        await person(Role.NURSE, ward="MED"),
        await person(Role.DOCTOR),
        await person(Role.RECEPTION),
        await person(Role.PHARMACY),
        await person(Role.ADMIN),
    ):
        await refused(Code.FORBIDDEN, lab.services.lab.order_context(who, command(), order))
    await refused(Code.NOT_FOUND, lab.services.lab.order_context(lab.anne, command(), uuid.uuid4()))
    for statement in ("UPDATE lab_order_context SET question = ''", "DELETE FROM lab_order_context"):
        with pytest.raises(DBAPIError, match="append"):
            await query(statement)
