"""Rooms that are kept for an isolation: who comes in, who lies there, and what boards show of it."""

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital
from hms_rt.departments.beds import views
from hms_rt.departments.beds.model import Isolation, Needs, Precaution, unsuitable
from hms_rt.departments.beds.schemas import FreeQuery, RoomIsolationIn
from hms_rt.departments.ipd.schemas import AdmissionIn, BedChoice, NeedsIn, TransferIn
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command
from tests.ipd.conftest import Journeys, Query, journeys, query, refused
from tests.ipd.test_concurrency import breaks

__all__ = ["journeys", "query"]

CONTACT, DROPLET = Isolation.CONTACT, Isolation.DROPLET
MRSA = RoomIsolationIn(isolation=CONTACT, organism="mrsa")
WITH_MRSA = NeedsIn(isolation=CONTACT, organism="MRSA")


@pytest.mark.parametrize(
    ("patient", "neighbours", "room", "against"),
    [
        (None, [None], None, 0),
        (("contact", "MRSA"), [("contact", "MRSA")], None, 0),
        (("contact", "MRSA"), [("contact", "VRE")], None, 1),
        (("contact", "MRSA"), [("contact", None)], None, 1),
        (("contact", None), [("contact", None)], None, 0),
        (("contact", "MRSA"), [None], None, 1),
        (None, [("contact", "MRSA")], None, 1),
        (None, [], ("contact", None), 1),
        (("contact", None), [], ("contact", None), 0),
        (("contact", "VRE"), [], ("contact", None), 0),
        (("contact", "VRE"), [], ("contact", "MRSA"), 1),
        (("contact", None), [], ("contact", "MRSA"), 1),
        (("droplet", "MRSA"), [("contact", "MRSA")], ("contact", "MRSA"), 2),
    ],
)
def test_who_may_share_a_room_with_whom(
    patient: tuple[str, str | None] | None,
    neighbours: list[tuple[str, str | None] | None],
    room: tuple[str, str | None] | None,
    against: int,
) -> None:
    def made(one: tuple[str, str | None] | None) -> Precaution | None:
        return Precaution(Isolation(one[0]), one[1]) if one is not None else None

    own = made(patient)
    needs = Needs(isolation=own.kind, organism=own.organism) if own is not None else Needs()
    found = unsuitable(needs, [], [made(one) for one in neighbours], made(room))
    assert len(found) == against, found
    assert not any("MRSA" in one or "VRE" in one for one in found), "no organism is named"


async def test_a_room_is_kept_for_patients_with_one_organism_whoever_lies_there(
    hospital: Hospital,
    services: Services,
    ward: WardFactory,
    person: PersonFactory,
    journeys: Journeys,
) -> None:
    first, second, third, _ = await ward("ICU", beds=4)  # two to a room
    nurse, stranger = await person(Role.NURSE, ward="ICU"), await person(Role.NURSE, ward="MED")
    admin = await person(Role.ADMIN)
    ipd, beds = services.ipd, services.beds
    for who in (stranger, admin):
        await refused(Code.FORBIDDEN, beds.isolate_room(who, command(), "ICU", "R1", MRSA))
    await refused(Code.NOT_FOUND, beds.isolate_room(nurse, command(), "ICU", "R9", MRSA))
    kept = await beds.isolate_room(nurse, command(expected_version=1), "ICU", "R1", MRSA)
    assert (kept.isolation, kept.organism, kept.beds, kept.version) == (CONTACT, "MRSA", ["01", "02"], 2)
    await refused(
        Code.STALE_VERSION, beds.isolate_room(nurse, command(expected_version=1), "ICU", "R1", MRSA)
    )
    assert [one.organism for one in (await beds.rooms(admin, "ICU")).rooms] == [None, None]
    free = (await beds.free(SYSTEM)).wards[0]
    assert (free.available, free.suitable) == (4, 2)
    assert (await beds.free(SYSTEM, FreeQuery(isolation=DROPLET))).wards[0].suitable == 2

    wanted = AdmissionIn.model_validate(
        {"patient_id": await journeys.patient(), "ward": "ICU", "reason": "wound", **WITH_MRSA.model_dump()}
    )
    asked = await ipd.request(SYSTEM, command(), wanted)
    assert (asked.isolation, asked.organism) == (CONTACT, "MRSA"), "what a request says is kept"
    plain = await journeys.accepted()
    there = BedChoice(bed_id=first.id)
    told = await refused(Code.CONFLICT, ipd.assign(SYSTEM, command(), plain.id, there))
    assert "kept for contact isolation" in told.detail
    any_bed = await ipd.assign(SYSTEM, command(), plain.id, BedChoice(ward="ICU"))
    assert any_bed.stays[0].bed_id == third.id
    vre = NeedsIn(isolation=CONTACT, organism="VRE")
    other = await journeys.accepted()
    await ipd.change_needs(SYSTEM, command(), other.id, vre)
    told = await refused(Code.CONFLICT, ipd.assign(SYSTEM, command(), other.id, there))
    assert "another organism" in told.detail
    await ipd.change_needs(SYSTEM, command(), other.id, WITH_MRSA)
    await ipd.assign(SYSTEM, command(), other.id, there)

    async with hospital.units.reading() as connection:
        state = await beds.ward_state(connection, "ICU")
    assert state is not None
    key = views.bed_key(second.id)
    clinical, staff, wall = state[key], views.staff(key, state[key]), views.display(key, state[key])
    assert (clinical["room_isolation"], clinical["room_organism"]) == (CONTACT, "MRSA")
    assert (staff["room_isolation"], "room_organism" in staff, "organism" in staff) == (CONTACT, False, False)
    assert not {"room_isolation", "room_organism", "organism", "isolation"} & set(wall)
    assert "MRSA" not in str({**staff, **wall})

    # whoever lies there and does not belong is told of, unless somebody says why
    away = TransferIn(bed_id=second.id, override_reason="nothing else is free")
    await ipd.transfer(SYSTEM, command(), plain.id, away)
    assert (await beds.isolate_room(nurse, command(), "ICU", "R1", RoomIsolationIn())).isolation is None
    told = await refused(Code.CONFLICT, beds.isolate_room(nurse, command(), "ICU", "R1", MRSA))
    assert told.detail.startswith("1 patients of room R1")
    why = RoomIsolationIn(isolation=CONTACT, organism="MRSA", override_reason="exposed, under watch")
    assert (await beds.isolate_room(nurse, command(), "ICU", "R1", why)).override_reason is not None
    await ipd.change_needs(SYSTEM, command(), plain.id, WITH_MRSA)
    assert (await beds.isolate_room(nurse, command(), "ICU", "R1", why)).override_reason is None


def test_an_organism_goes_with_an_isolation() -> None:
    for wrong in (RoomIsolationIn, NeedsIn):
        with pytest.raises(ValidationError):
            wrong.model_validate({"organism": "MRSA"})


ASSIGNED = """
    WITH a AS (UPDATE ipd_admission SET state = 'admitted', admitted_at = now() WHERE id = :admission
               RETURNING patient_id),
         b AS (UPDATE beds_bed SET status = 'occupied' WHERE id = :bed),
         s AS (INSERT INTO ipd_stay (id, admission_id, patient_id, bed_id, bed_code, ward_code, started_at,
                                     entered_in_error)
               SELECT :stay, :admission, patient_id, :bed, '01', 'ICU', now(), false FROM a)
    INSERT INTO beds_occupant (bed_id, stay_id, patient_id, name, mrn, since)
    SELECT :bed, :stay, patient_id, 'X', 'X', now() FROM a
"""


async def test_the_database_keeps_others_out_and_no_organism_without_isolation(
    services: Services, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    first, second = await ward("ICU", beds=2)
    here, coming = await journeys.admitted(first.id), await journeys.accepted()
    keep = "UPDATE beds_room SET isolation = 'contact' WHERE code = 'R1'"
    await breaks("beds_room_isolation_check", query, keep)
    await services.ipd.change_needs(SYSTEM, command(), here.id, WITH_MRSA)
    await query(keep)
    named = {"admission": coming.id, "bed": second.id, "stay": coming.patient_id}
    await breaks("ipd_stay_room_check|ipd_stay_isolation_check", query, ASSIGNED, **named)
    await query(
        "UPDATE ipd_admission SET isolation = 'contact', organism = 'VRE' WHERE id = :id", id=coming.id
    )
    await breaks("ipd_stay_isolation_check", query, ASSIGNED, **named)
    await breaks(
        "beds_room_isolation_check", query, "UPDATE beds_room SET organism = 'VRE' WHERE code = 'R1'"
    )
    for wrong in (
        "UPDATE beds_room SET isolation = NULL, organism = 'MRSA'",
        "UPDATE beds_room SET isolation = 'mrsa'",
        "UPDATE ipd_admission SET isolation = NULL",
        "UPDATE beds_bed SET organism = 'MRSA', isolation_kind = NULL",
    ):
        with pytest.raises(IntegrityError):
            await query(wrong)
