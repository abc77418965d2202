"""What a death ends in the laboratory, and what it does not."""

from hms_rt.departments.lab import views
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.schemas.ordering import SpecimenIn
from hms_rt.departments.patients.schemas.details import DeathIn, WhyIn
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.lab.conftest import Lab, Query


async def test_after_a_death_nobody_is_sent_to_take_blood_and_what_was_taken_is_measured(
    lab: Lab, query: Query
) -> None:
    curie = await lab.patient()
    order = await lab.order("LAC", "CULT", patient_id=curie)
    blood = SpecimenIn(kind=SpecimenKind.BLOOD)
    await lab.services.lab.collect(lab.nurse, command(), order.id, blood)
    patients = lab.services.patients
    await patients.record_death(SYSTEM, command(expected_version=1), curie, DeathIn())

    lactate, culture = (await lab.services.lab.get_order(lab.doctor, command(), order.id)).tests
    assert (lactate.state, culture.state) == ("collected", "cancelled")
    (row,) = await query("SELECT cancel_reason FROM lab_test WHERE state = 'cancelled'")
    assert row.cancel_reason == "the patient died"
    ops = await query(
        "SELECT op->>'op' AS op FROM change_log, jsonb_array_elements(CAST(ops AS jsonb)) op"
        " WHERE stream = :stream AND op->>'key' = :key ORDER BY version",
        stream=views.WORKLIST_STREAM,
        key=views.key(culture.id),
    )
    assert [one.op for one in ops] == ["put", "remove"]
    (last,) = await query("SELECT test_id, reason FROM lab_test_event WHERE move = 'cancel'")
    assert (last.test_id, last.reason) == (culture.id, "the patient died")

    post_mortem = await lab.order("CRP", patient_id=curie)
    assert post_mortem.tests[0].state == "ordered", "tests are ordered for the dead, too"
    again = command(expected_version=2)
    await patients.revoke_death(SYSTEM, again, curie, WhyIn(reason="the wrong Curie"))
    tests = (await lab.services.lab.get_order(lab.doctor, command(), order.id)).tests
    assert [test.state for test in tests] == ["collected", "cancelled"], "nothing comes back by itself"
