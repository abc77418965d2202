"""A cot is for a child: by the services and by the database."""

from datetime import UTC, datetime, timedelta

from hms_rt.departments.beds.model import BedKind
from hms_rt.departments.beds.schemas import BedIn
from hms_rt.departments.ipd.schemas import BedChoice, Timed, TransferIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.errors import Code
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import WardFactory, command
from tests.ipd.conftest import Journeys, Query, refused
from tests.ipd.test_concurrency import breaks


async def test_only_a_child_under_two_years_lies_in_a_cot(
    services: Services, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    (bed,) = await ward("MAT", beds=1)
    wanted = BedIn(ward="MAT", room=bed.room, code="C1", kind=BedKind.COT)
    cot = await services.beds.define_bed(SYSTEM, command(), wanted)
    ipd, there = services.ipd, BedChoice(bed_id=cot.id)
    adult = await journeys.accepted("MAT")  # nobody knows how old
    await refused(Code.CONFLICT, ipd.assign(SYSTEM, command(), adult.id, there))
    await ipd.assign(SYSTEM, command(), adult.id, BedChoice(bed_id=bed.id))
    await refused(Code.CONFLICT, ipd.transfer(SYSTEM, command(), adult.id, TransferIn(bed_id=cot.id)))
    await breaks("ipd_stay_cot_check", query, "UPDATE ipd_stay SET bed_id = :cot", cot=cot.id)
    for days, fits in ((740, False), (300, True)):
        born = (datetime.now(UTC) - timedelta(days=days)).date()
        child = PatientNew(family_name="Small", birth_date=born)
        known = await services.patients.register(SYSTEM, command(), child)
        asked = await journeys.requested("MAT", known.id)
        await ipd.accept(SYSTEM, command(), asked.id, Timed())
        coming = ipd.assign(SYSTEM, command(), asked.id, there)
        if fits:
            assert (await coming).stays[0].bed_id == cot.id
        else:
            told = await refused(Code.CONFLICT, coming)
            assert "under two years" in told.detail
