"""Who may ask, accept, assign, transfer and read, and of which wards."""

from hms_rt.departments.ipd.model import AdmissionState, Disposition
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    AdmissionQuery,
    BedChoice,
    CancelIn,
    DepartureIn,
    DischargeOrderIn,
    Timed,
    TransferIn,
)
from hms_rt.departments.ipd.service import wards_of_patient
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from hms_rt.storage.unit_of_work import UnitsOfWork
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.conftest import Journeys, refused

S = AdmissionState
LEFT = DepartureIn(disposition=Disposition.LEFT)


async def test_the_ward_that_sends_or_the_ward_that_fetches_may_transfer(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    sources, targets = await ward("ICU", beds=3), await ward("MED", beds=3)
    await ward("SURG", beds=1)
    transfer = services.ipd.transfer
    here = await journeys.admitted(sources[0].id)
    for role, place in (
        (Role.NURSE, "SURG"),
        (Role.DOCTOR, "ICU"),
        (Role.RECEPTION, "ICU"),
        (Role.LAB, "ICU"),
    ):
        stranger = await person(role, ward=place)
        doing = transfer(stranger, command(), here.id, TransferIn(bed_id=targets[0].id))
        await refused(Code.FORBIDDEN, doing)
    several = [here, *[await journeys.admitted(bed.id) for bed in sources[1:]]]
    may = ((Role.NURSE, "ICU"), (Role.NURSE, "MED"), (Role.ADMIN, "SURG"))
    for (role, place), patient, target in zip(may, several, targets, strict=True):
        somebody = await person(role, ward=place)
        moved = await transfer(somebody, command(), patient.id, TransferIn(bed_id=target.id))
        assert (moved.ward, moved.stays[-1].bed_id) == ("MED", target.id)


async def test_who_may_ask_accept_and_assign(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    ipd = services.ipd
    new = AdmissionIn(patient_id=await journeys.patient(), ward="ICU", reason="sepsis")
    for stranger in (
        await person(Role.DOCTOR, ward="MED"),
        await person(Role.DOCTOR),
        await person(Role.NURSE, ward="ICU"),
        await person(Role.ADMIN),
    ):
        await refused(Code.FORBIDDEN, ipd.request(stranger, command(), new))
    emergency = await person(Role.DOCTOR, clinic="ER")
    asked = await ipd.request(emergency, command(), new)
    assert (await ipd.admission(emergency, command(), asked.id)).reason == "sepsis"
    assert (await ipd.admissions(emergency, command(), AdmissionQuery())).items == [asked]

    far, near = await person(Role.NURSE, ward="MED"), await person(Role.NURSE, ward="ICU")
    await refused(Code.FORBIDDEN, ipd.accept(far, command(), asked.id, Timed()))
    await refused(Code.FORBIDDEN, ipd.accept(emergency, command(), asked.id, Timed()))
    await ipd.accept(near, command(), asked.id, Timed())
    await refused(Code.FORBIDDEN, ipd.assign(far, command(), asked.id, BedChoice(bed_id=bed.id)))
    await refused(Code.FORBIDDEN, ipd.assign(emergency, command(), asked.id, BedChoice(bed_id=bed.id)))
    desk = await person(Role.RECEPTION)
    here = await ipd.assign(desk, command(), asked.id, BedChoice(bed_id=bed.id))
    assert (here.state, here.reason, here.patient_name) == (S.ADMITTED, None, "Doe")

    await refused(Code.FORBIDDEN, ipd.order_discharge(emergency, command(), asked.id, DischargeOrderIn()))
    await refused(Code.FORBIDDEN, ipd.order_discharge(near, command(), asked.id, DischargeOrderIn()))
    await refused(Code.FORBIDDEN, ipd.depart(far, command(), asked.id, LEFT))
    await refused(Code.FORBIDDEN, ipd.depart(desk, command(), asked.id, LEFT))


async def test_the_ward_or_the_asking_doctor_cancels_a_request_and_nobody_once_in_bed(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    emergency, other = await person(Role.DOCTOR, clinic="ER"), await person(Role.DOCTOR, clinic="ER")
    new = AdmissionIn(patient_id=await journeys.patient(), ward="ICU", reason="sepsis")
    asked = await services.ipd.request(emergency, command(), new)
    why = CancelIn(reason="went home")
    await refused(Code.FORBIDDEN, services.ipd.cancel(other, command(), asked.id, why))
    gone = await services.ipd.cancel(emergency, command(), asked.id, why)
    assert (gone.state, gone.cancelled_at is not None) == (S.CANCELLED, True)
    here = await journeys.admitted(bed.id)
    illegal = await refused(Code.ILLEGAL_MOVE, services.ipd.cancel(SYSTEM, command(), here.id, why))
    assert illegal.fields["state"] == "admitted"


async def test_lists_show_the_wards_within_reach_page_by_page(
    services: Services, ward: WardFactory, person: PersonFactory, journeys: Journeys
) -> None:
    await ward("ICU", beds=1)
    await ward("MED", beds=1)
    ids = [(await journeys.requested("ICU")).id for _ in range(3)]
    far = await journeys.accepted("MED")
    ipd = services.ipd
    nurse, desk = await person(Role.NURSE, ward="ICU"), await person(Role.RECEPTION)

    page = await ipd.admissions(nurse, command(), AdmissionQuery(limit=2))
    assert page.next_cursor is not None
    rest = await ipd.admissions(nurse, command(), AdmissionQuery(limit=2, cursor=page.next_cursor))
    assert [a.id for a in [*page.items, *rest.items]] == ids[::-1]
    assert rest.next_cursor is None
    assert {a.reason for a in page.items} == {"sepsis"}
    await refused(Code.FORBIDDEN, ipd.admissions(nurse, command(), AdmissionQuery(ward="MED")))
    await refused(Code.FORBIDDEN, ipd.admission(nurse, command(), far.id))
    await refused(Code.FORBIDDEN, ipd.admissions(await person(Role.LAB), command(), AdmissionQuery()))

    everything = await ipd.admissions(desk, command(), AdmissionQuery())
    assert len(everything.items) == 4
    assert {a.reason for a in everything.items} == {None}
    assert {e.reason for e in (await ipd.history(desk, command(), far.id)).events} == {None}
    (one,) = (await ipd.admissions(desk, command(), AdmissionQuery(state=S.ACCEPTED))).items
    assert one.id == far.id
    (same,) = (await ipd.admissions(desk, command(), AdmissionQuery(patient_id=far.patient_id))).items
    assert same == one


async def test_the_ward_that_cares_for_a_patient_follows_the_admission(
    services: Services, units: UnitsOfWork, ward: WardFactory, journeys: Journeys
) -> None:
    (bed,), (other,) = await ward("ICU", beds=1), await ward("MED", beds=1)
    here = await journeys.admitted(bed.id)

    async def caring() -> set[str]:
        async with units.reading() as connection:
            return await wards_of_patient(connection, here.patient_id)

    assert await caring() == {"ICU"}
    await services.ipd.transfer(SYSTEM, command(), here.id, TransferIn(bed_id=other.id))
    assert await caring() == {"MED"}
    await services.ipd.depart(SYSTEM, command(), here.id, LEFT)
    assert await caring() == set()
