"""Critical values: who is told, who takes them over, who is told when nobody does."""

import asyncio

from hms_rt.departments.lab.model.alert import AlertState
from hms_rt.departments.lab.model.catalogue import Flag
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.schemas.alerts import AlertNote, AlertOut, AlertQuery
from hms_rt.departments.lab.schemas.results import CorrectionIn
from hms_rt.departments.notifications.schemas import NotificationOut, NotificationQuery
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal, Role
from tests.conftest import PersonFactory, command
from tests.lab.conftest import SAID, Lab, Query, refused

S = LabState
NOTE = AlertNote(note="antibiotics started")


async def told(lab: Lab, user: Principal) -> list[NotificationOut]:
    return (await lab.services.notifications.list_own(user, NotificationQuery())).items


async def raised(lab: Lab) -> AlertOut:
    await lab.until(S.RESULTED, "4.0")
    (alert,) = (await lab.services.lab.alerts(lab.doctor, command(), AlertQuery())).items
    return alert


async def test_a_critical_value_is_told_at_once_without_the_patients_name(
    lab: Lab, person: PersonFactory, query: Query
) -> None:
    elsewhere = await person(Role.NURSE, ward="MED")
    alert = await raised(lab)
    assert (alert.state, alert.flag, alert.patient_name) == (
        AlertState.NOTIFIED,
        Flag.CRITICAL_HIGH,
        "Curie",
    )
    for somebody in (lab.doctor,):
        (one,) = await told(lab, somebody)
        assert (one.kind, one.priority) == ("critical_result", "critical")
        assert one.title == "Critical result: Lactate (high)"
        assert (one.subject.type, one.subject.id) == ("lab_alert", str(alert.id))
    assert await told(lab, elsewhere) == await told(lab, lab.nurse) == []
    (row,) = await query(
        """
        SELECT a.xmin = v.xmin AND v.xmin = n.xmin AS together FROM lab_critical_alert a
        JOIN lab_result_version v ON v.test_id = a.test_id CROSS JOIN notifications_notification n LIMIT 1
        """
    )
    assert row.together


async def test_a_doctor_acknowledges_once_and_closes(lab: Lab) -> None:
    service = lab.services.lab
    alert = await raised(lab)
    await service.relay(lab.nurse, command(), alert.id, SAID)
    known = await service.read_back(lab.anne, command(), alert.id, SAID)
    assert (known.state, known.relayed_by, known.read_back_by) == (
        AlertState.NOTIFIED,
        lab.nurse.id,
        lab.anne.id,
    )
    for somebody in (lab.nurse, lab.anne):
        await refused(Code.FORBIDDEN, service.acknowledge(somebody, command(), alert.id, NOTE))
    await refused(Code.ILLEGAL_MOVE, service.close_alert(lab.doctor, command(), alert.id, SAID))
    outcomes = await asyncio.gather(
        *(service.acknowledge(lab.doctor, command(), alert.id, NOTE) for _ in range(3)),
        return_exceptions=True,
    )
    taken = [one for one in outcomes if isinstance(one, AlertOut)]
    assert [(one.state, one.acknowledged_by, one.note) for one in taken] == [
        (AlertState.ACKNOWLEDGED, lab.doctor.id, NOTE.note)
    ]
    assert {one.code for one in outcomes if isinstance(one, HmsError)} == {Code.ILLEGAL_MOVE}
    assert (await service.alerts(lab.doctor, command(), AlertQuery())).items == []
    closed = await service.close_alert(lab.doctor, command(), alert.id, SAID)
    assert (closed.state, closed.closed_by) == (AlertState.CLOSED, lab.doctor.id)


async def test_only_doctors_of_the_place_or_the_one_who_ordered(lab: Lab, person: PersonFactory) -> None:
    alert = await raised(lab)
    service = lab.services.lab
    stranger = await person(Role.DOCTOR, ward="MED")
    assert (await service.alerts(stranger, command(), AlertQuery())).items == []
    await refused(Code.FORBIDDEN, service.acknowledge(stranger, command(), alert.id, NOTE))
    colleague = await person(Role.DOCTOR, ward="ICU")
    taken = await service.acknowledge(colleague, command(), alert.id, NOTE)
    assert taken.acknowledged_by == colleague.id


async def test_a_correction_to_a_critical_value_raises_its_own_alert(lab: Lab) -> None:
    service = lab.services.lab
    test = await lab.until(S.RELEASED, "1.2")
    assert (await service.alerts(lab.doctor, command(), AlertQuery())).items == []
    await service.correct(lab.anne, command(), test.id, CorrectionIn(value="7.5", reason="wrong tube"))
    (alert,) = (await service.alerts(lab.doctor, command(), AlertQuery())).items
    assert alert.result_version == 2
    kinds = {one.kind for one in await told(lab, lab.doctor)}
    assert kinds == {"critical_result", "result_corrected"}
