"""The hospital that the faults befall: its people, its patients, and what may be shown to whom."""

import asyncio
import random
import uuid
from dataclasses import dataclass, field

from hms_rt.app import Hospital
from hms_rt.departments.beds.schemas import BedIn, WardIn
from hms_rt.departments.identity.schemas import AssignmentIn, DeviceNew, UserNew
from hms_rt.departments.ipd.schemas import AdmissionIn, BedChoice, Timed
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.schemas.catalogue import CatalogueIn
from hms_rt.departments.opd.schemas.queue import ClinicIn, CounterIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import SYSTEM, AssignmentKind, Role
from tests.conftest import PASSWORD
from tests.faults import trade

WARDS = ("ICU", "MED")
CLINIC = "GEN"
COUNTERS = ("GEN-1", "GEN-2")
BEDS = 10
PATIENTS = 3
"""Per ward and in the clinic; those of a ward lie in its first beds."""

WARD, AT_CLINIC, COUNTER = AssignmentKind.WARD, AssignmentKind.CLINIC, AssignmentKind.COUNTER

PEOPLE: dict[str, tuple[Role, tuple[tuple[AssignmentKind, str], ...]]] = {
    "nurse-icu": (Role.NURSE, ((WARD, "ICU"),)),
    "nurse-med": (Role.NURSE, ((WARD, "MED"),)),
    "doctor-icu": (Role.DOCTOR, ((WARD, "ICU"),)),
    "doctor-gen": (Role.DOCTOR, ((AT_CLINIC, "GEN"), (COUNTER, "GEN-1"))),
    "reception": (Role.RECEPTION, ()),
    "desk": (Role.RECEPTION, ()),
    "lab-1": (Role.LAB, ()),
    "lab-2": (Role.LAB, ()),
    "cashier-1": (Role.RECEPTION, ()),
    "cashier-2": (Role.RECEPTION, ()),
    "chemist": (Role.PHARMACY, ()),
}


@dataclass(frozen=True)
class Seat:
    """One board: who looks at it, and whose patients may be seen on it."""

    who: str
    namespace: str
    room: str
    audience: str
    may: frozenset[str] = frozenset()


SEATS = (
    Seat("screen-icu", "/beds", "ward:ICU", "display"),
    Seat("screen-med", "/beds", "ward:MED", "display"),
    Seat("screen-hospital", "/beds", "hospital", "display"),
    Seat("screen-gen", "/opd", "clinic:GEN", "display"),
    Seat("reception", "/beds", "ward:ICU", "staff"),
    Seat("reception", "/opd", "clinic:GEN", "staff", frozenset({"GEN"})),
    Seat("doctor-icu", "/beds", "ward:ICU", "clinical", frozenset({"ICU"})),
    Seat("nurse-med", "/beds", "ward:MED", "clinical", frozenset({"MED"})),
    Seat("doctor-gen", "/opd", "clinic:GEN", "clinical", frozenset({"GEN"})),
    Seat("doctor-icu", "/lab", "ward:ICU", "clinical", frozenset({"ICU"})),
    Seat("lab-1", "/lab", "worklist", "staff", frozenset({"ICU"})),
)


@dataclass(frozen=True)
class Patient:
    """Somebody whose name and number nobody else may see."""

    id: uuid.UUID
    mrn: str
    canary: str

    @property
    def marks(self) -> tuple[str, ...]:
        """What betrays this patient wherever it stands in a frame."""
        return (self.canary, self.mrn, str(self.id))


@dataclass
class Cast:
    """What was furnished."""

    beds: dict[str, list[uuid.UUID]] = field(default_factory=dict)
    """Of every ward: the beds that nobody lies in."""

    patients: dict[str, list[Patient]] = field(default_factory=dict)
    """By group: the ward or clinic where they are treated."""

    links: dict[str, str] = field(default_factory=dict)
    """Of every screen: the path that enrols it."""

    buyers: list[uuid.UUID] = field(default_factory=list)
    """Those who pay, one for each cashier, and get medicines."""

    users: dict[str, uuid.UUID] = field(default_factory=dict)


def said(name: str = "faults") -> Command:
    """A command of the furnisher."""
    return Command(name=name, request_id=str(uuid.uuid4()))


async def furnish(hospital: Hospital, chance: random.Random) -> Cast:
    """Wards with patients, a clinic, a laboratory's catalogue, accounts and screens."""
    cast = Cast()
    for code in WARDS:
        await _ward(hospital, code, cast, chance)
    await _clinic(hospital, cast, chance)
    await hospital.services.lab.define_test(
        SYSTEM,
        said(),
        CatalogueIn(
            code="LAC",
            name="Lactate",
            specimen_kind=SpecimenKind.BLOOD,
            unit="mmol/L",
            decimals=1,
            reference_high="2.0",
            critical_high="9.0",
        ),
    )
    cast.buyers = await trade.furnish(hospital)
    await asyncio.gather(*(_person(hospital, cast, name) for name in PEOPLE))
    for seat in SEATS:
        if seat.audience == "display":
            new = DeviceNew(name=seat.who, rooms=[f"{seat.namespace} {seat.room}"])
            cast.links[seat.who] = (await hospital.services.identity.create_device(SYSTEM, said(), new)).path
    return cast


async def _patients(hospital: Hospital, group: str, chance: random.Random) -> list[Patient]:
    made = []
    for number in range(PATIENTS):
        canary = f"Canary{group}{number}x{chance.randrange(1 << 40):010x}"
        new = PatientNew(family_name=canary, given_name=f"Given{canary}")
        shown = await hospital.services.patients.register(SYSTEM, said(), new)
        made.append(Patient(shown.id, shown.mrn, canary))
    return made


async def _ward(hospital: Hospital, code: str, cast: Cast, chance: random.Random) -> None:
    services = hospital.services
    await services.beds.define_ward(SYSTEM, said(), WardIn(code=code, name=f"Ward {code}"))
    beds = [
        (await services.beds.define_bed(SYSTEM, said(), BedIn(ward=code, room="R1", code=f"{n:02}"))).id
        for n in range(BEDS)
    ]
    cast.patients[code] = await _patients(hospital, code, chance)
    for patient, bed in zip(cast.patients[code], beds, strict=False):
        wanted = AdmissionIn(patient_id=patient.id, ward=code, reason="a test of the hospital")
        admission = await services.ipd.request(SYSTEM, said(), wanted)
        await services.ipd.accept(SYSTEM, said(), admission.id, Timed())
        await services.ipd.assign(SYSTEM, said(), admission.id, BedChoice(bed_id=bed))
    cast.beds[code] = beds[PATIENTS:]


async def _clinic(hospital: Hospital, cast: Cast, chance: random.Random) -> None:
    opd = hospital.services.opd
    await opd.define_clinic(SYSTEM, said(), ClinicIn(code=CLINIC, name="General"))
    for counter in COUNTERS:
        await opd.define_counter(SYSTEM, said(), CLINIC, CounterIn(code=counter, name=counter))
    cast.patients[CLINIC] = await _patients(hospital, CLINIC, chance)


async def _person(hospital: Hospital, cast: Cast, name: str) -> None:
    role, places = PEOPLE[name]
    identity = hospital.services.identity
    new = UserNew.model_validate(
        {"username": name, "display_name": name, "password": PASSWORD, "roles": [role.value]}
    )
    user = await identity.create_user(SYSTEM, said(), new)
    cast.users[name] = user.id
    for kind, place in places:
        await identity.assign(SYSTEM, said(), user.id, AssignmentIn(kind=kind, place=place))
