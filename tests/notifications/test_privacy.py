"""Who watches over privacy hears of every record that was opened by breaking the glass."""

from datetime import timedelta

from hms_rt.departments.notifications.schemas.notifications import NotificationOut, NotificationQuery
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.patients.schemas.details import WhyIn
from hms_rt.departments.patients.schemas.record import BreakGlass, EntryQuery
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Principal, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, command

WHY = BreakGlass(reason="collapsed in the corridor")


async def told(services: Services, whom: Principal) -> list[NotificationOut]:
    found = (await services.notifications.list_own(whom, NotificationQuery())).items
    return [one for one in found if one.kind == "glass_broken"]


async def test_privacy_officers_are_told_who_opened_whose_record_and_nothing_clinical(
    services: Services, person: PersonFactory, clock: ManualClock
) -> None:
    patients = services.patients
    admin, doctor = await person(Role.ADMIN), await person(Role.DOCTOR, ward="MED")
    curie = (await patients.register(SYSTEM, command(), PatientNew(family_name="Curie"))).id
    await patients.list_entries(doctor, command(), curie, EntryQuery(), WHY)
    (note,) = await told(services, admin)
    assert "other wards" in note.title, "where nobody is privacy officer, administrators are told"

    officer = await person(Role.ADMIN, privacy_officer="")
    assert AssignmentKind.PRIVACY_OFFICER in {one.kind for one in officer.assignments}
    restrict = command(expected_version=1)
    await patients.restrict(SYSTEM, restrict, curie, WhyIn(reason="known to everybody"))
    clock.advance(timedelta(minutes=61))
    for _ in range(3):
        await patients.list_entries(doctor, command(), curie, EntryQuery(), WHY)
    (note,) = await told(services, officer)
    assert "restricted" in note.title
    assert (note.subject.type, note.subject.id) == ("user", str(doctor.id))
    assert (note.patient_id, note.priority) == (curie, "high")
    assert "collapsed" not in note.model_dump_json()
    assert "Curie" not in note.model_dump_json()
    assert len(await told(services, admin)) == 1
