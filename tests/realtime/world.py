"""A small hospital and everything that its people may try, for property tests over all departments."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from hms_rt.departments.beds.model import BedStatus
from hms_rt.departments.beds.schemas import BedChange, BedOut
from hms_rt.departments.ipd.model import ChildrenGo, Disposition
from hms_rt.departments.ipd.schemas import (
    AdmissionIn,
    BedChoice,
    DepartureIn,
    DischargeOrderIn,
    Timed,
    TransferIn,
)
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.schemas.alerts import AlertNote, AlertQuery
from hms_rt.departments.lab.schemas.catalogue import CatalogueIn
from hms_rt.departments.lab.schemas.ordering import LabOrderIn, Rejection, SpecimenIn, When
from hms_rt.departments.lab.schemas.results import (
    CorrectionIn,
    Disagreement,
    ReleaseIn,
    ResultIn,
    ResultQuery,
)
from hms_rt.departments.opd.schemas.queue import (
    CallIn,
    CancelIn,
    ClinicIn,
    CounterIn,
    Late,
    NextIn,
    TokenIn,
)
from hms_rt.departments.opd.schemas.queue import (
    TransferIn as Onward,
)
from hms_rt.departments.patients.schemas import MergeIn, PatientNew, PatientUpdate, UndoMerge
from hms_rt.kernel.errors import HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.services import Services
from tests.conftest import PersonFactory, WardFactory, command
from tests.realtime import wards

WARDS = ("ICU", "MED")
CLINICS = ("GEN", "ER")
COUNTERS = ("GEN-1", "GEN-2", "ER-1")
VALUES = ("0.9", "2.4", "5.0")  # normal, high, critical
STATUSES = (
    BedStatus.AVAILABLE,
    BedStatus.CLEANING,
    BedStatus.CONTAMINATED,
    BedStatus.OUT_OF_SERVICE,
    BedStatus.RESERVED,
)


@dataclass
class World:
    """Ids of what was made so far; a step picks among them by number, so that hypothesis can shrink."""

    services: Services
    doctor: Principal
    nurse: Principal
    reception: Principal
    lab: tuple[Principal, Principal]
    beds: list[BedOut]
    patients: list[uuid.UUID] = field(default_factory=list)
    admissions: list[uuid.UUID] = field(default_factory=list)
    tokens: list[uuid.UUID] = field(default_factory=list)
    orders: list[uuid.UUID] = field(default_factory=list)
    specimens: list[uuid.UUID] = field(default_factory=list)
    tests: list[uuid.UUID] = field(default_factory=list)
    merges: list[uuid.UUID] = field(default_factory=list)
    done: int = 0
    refused: int = 0

    async def do(self, step: tuple[int, int, int]) -> None:
        """One attempt; a refusal by the hospital's rules is fine and changes nothing."""
        number, first, second = step
        try:
            await ATTEMPTS[number % len(ATTEMPTS)](self, first, second)
            self.done += 1
        except HmsError:
            self.refused += 1
        except LookupError:
            pass  # nothing there yet to do it to


def pick(several: list[Any] | tuple[Any, ...], number: int) -> Any:
    """One of ``several``; raises ``LookupError`` when there is none."""
    if not several:
        raise LookupError
    return several[number % len(several)]


async def build(services: Services, ward: WardFactory, person: PersonFactory) -> World:
    """Two wards of three beds, two clinics, one test."""
    beds = [bed for code in WARDS for bed in await ward(code, beds=3)]
    for code in CLINICS:
        await services.opd.define_clinic(SYSTEM, command(), ClinicIn(code=code, name=code))
    for counter in COUNTERS:
        clinic = counter.split("-")[0]
        await services.opd.define_counter(SYSTEM, command(), clinic, CounterIn(code=counter, name=counter))
    await services.lab.define_test(
        SYSTEM,
        command(),
        CatalogueIn(
            code="LAC",
            name="Lactate",
            specimen_kind=SpecimenKind.BLOOD,
            unit="mmol/L",
            decimals=1,
            reference_high="2.0",
            critical_high="4.0",
        ),
    )
    here = {"ward": "ICU", "clinic": "GEN", "counter": "GEN-1"}
    return World(
        services,
        await person(Role.DOCTOR, **here),
        await person(Role.NURSE, **here),
        await person(Role.RECEPTION, counter="GEN-2"),
        (await person(Role.LAB), await person(Role.LAB)),
        beds,
    )


Attempt = Callable[[World, int, int], Awaitable[None]]


async def register(w: World, a: int, b: int) -> None:
    new = PatientNew(family_name=f"Family{len(w.patients)}", given_name="Given")
    w.patients.append((await w.services.patients.register(w.reception, command(), new)).id)


async def rename(w: World, a: int, b: int) -> None:
    patient = pick(w.patients, a)
    shown = await w.services.patients.get(w.reception, command(), patient)
    update = PatientUpdate(family_name=f"Renamed{b}")
    await w.services.patients.update(w.reception, command(expected_version=shown.version), patient, update)


async def admit(w: World, a: int, b: int) -> None:
    new = AdmissionIn(patient_id=pick(w.patients, a), ward=pick(WARDS, b), reason="a test of the hospital")
    admission = await w.services.ipd.request(SYSTEM, command(), new)
    w.admissions.append(admission.id)
    await w.services.ipd.accept(SYSTEM, command(), admission.id, Timed())
    await w.services.ipd.assign(SYSTEM, command(), admission.id, BedChoice(bed_id=pick(w.beds, b).id))


async def transfer(w: World, a: int, b: int) -> None:
    where = TransferIn(bed_id=pick(w.beds, b).id, contaminated=b % 5 == 0)
    await w.services.ipd.transfer(SYSTEM, command(), pick(w.admissions, a), where)


async def order_discharge(w: World, a: int, b: int) -> None:
    await w.services.ipd.order_discharge(SYSTEM, command(), pick(w.admissions, a), DischargeOrderIn())


async def depart(w: World, a: int, b: int) -> None:
    how = pick((Disposition.HOME, Disposition.LEFT, Disposition.DIED), b)
    together = ChildrenGo.LEAVE if a % 2 and how is not Disposition.DIED else ChildrenGo.STAY
    why = "a test of the hospital" if together is ChildrenGo.STAY else None
    leaving = DepartureIn(disposition=how, children=together, children_reason=why)
    await w.services.ipd.depart(SYSTEM, command(), pick(w.admissions, a), leaving)


async def change_bed(w: World, a: int, b: int) -> None:
    change = (
        BedChange(status=pick(STATUSES, b), reason="a test of the hospital")
        if b % 4
        else BedChange(isolation=a % 2 == 0)
    )
    await w.services.beds.change(SYSTEM, command(), pick(w.beds, a).id, change)


async def issue(w: World, a: int, b: int) -> None:
    doctor = w.doctor.id if a % 2 else None
    token = TokenIn(patient_id=pick(w.patients, a), doctor_id=doctor) if a % 3 else TokenIn()
    w.tokens.append((await w.services.opd.issue(w.reception, command(), pick(CLINICS, b), token)).id)


async def call_next(w: World, a: int, b: int) -> None:
    counter = pick(COUNTERS, a)
    await w.services.opd.call_next(SYSTEM, command(), counter.split("-")[0], NextIn(counter=counter))


async def call(w: World, a: int, b: int) -> None:
    await w.services.opd.call(SYSTEM, command(), pick(w.tokens, a), CallIn(counter=pick(COUNTERS, b)))


async def move_token(w: World, a: int, b: int) -> None:
    opd = w.services.opd
    moves = (opd.serve, opd.done, opd.hold, opd.resume, opd.no_show, opd.requeue, opd.recall)
    await pick(moves, b)(SYSTEM, command(), pick(w.tokens, a), Late())


async def send_on(w: World, a: int, b: int) -> None:
    token = await w.services.opd.transfer(
        SYSTEM, command(), pick(w.tokens, a), Onward(clinic=pick(CLINICS, b))
    )
    w.tokens.append(token.id)


async def cancel_token(w: World, a: int, b: int) -> None:
    await w.services.opd.cancel(SYSTEM, command(), pick(w.tokens, a), CancelIn(reason="went home again"))


async def order_test(w: World, a: int, b: int) -> None:
    place = {"ward": "ICU"} if b % 2 else {"clinic": "GEN"}
    wanted = LabOrderIn.model_validate({"patient_id": pick(w.patients, a), "tests": ["LAC"], **place})
    order = await w.services.lab.order(w.doctor, command(), wanted)
    w.orders.append(order.id)
    w.tests.append(order.tests[0].id)


async def collect(w: World, a: int, b: int) -> None:
    specimen = await w.services.lab.collect(
        w.lab[0], command(), pick(w.orders, a), SpecimenIn(kind=SpecimenKind.BLOOD)
    )
    w.specimens.append(specimen.id)


async def receive(w: World, a: int, b: int) -> None:
    specimen = pick(w.specimens, a)
    if b % 6 == 0:
        await w.services.lab.reject(w.lab[0], command(), specimen, Rejection(reason="haemolysed"))
    else:
        await w.services.lab.receive(w.lab[0], command(), specimen, When())


async def enter(w: World, a: int, b: int) -> None:
    await w.services.lab.enter_result(w.lab[0], command(), pick(w.tests, a), ResultIn(value=pick(VALUES, b)))


async def verify(w: World, a: int, b: int) -> None:
    await w.services.lab.verify(w.lab[1], command(), pick(w.tests, a), When())


async def release(w: World, a: int, b: int) -> None:
    await w.services.lab.release(w.lab[1], command(), pick(w.tests, a), ReleaseIn())


async def correct(w: World, a: int, b: int) -> None:
    correction = CorrectionIn(value=pick(VALUES, b), reason="another specimen's value")
    await w.services.lab.correct(w.lab[0], command(), pick(w.tests, a), correction)


async def look_again(w: World, a: int, b: int) -> None:
    lab, test = w.services.lab, pick(w.tests, a)
    if b % 3 == 0:
        await lab.disagree(w.lab[1], command(), test, Disagreement(reason="haemolysed"))
    elif b % 3 == 1:
        await lab.review(w.lab[1], command(), test, When())
    else:
        await lab.result(pick((w.doctor, w.nurse, w.lab[1]), b), command(), test, ResultQuery())


async def answer_alert(w: World, a: int, b: int) -> None:
    lab = w.services.lab
    listed = await lab.alerts(SYSTEM, command(), AlertQuery(every=True))
    moves = (
        (w.nurse, lab.relay),
        (w.lab[0], lab.read_back),
        (w.doctor, lab.acknowledge),
        (w.doctor, lab.close_alert),
    )
    who, move = pick(moves, b)
    await move(who, command(), pick(listed.items, a).id, AlertNote())


async def merge(w: World, a: int, b: int) -> None:
    wanted = MergeIn(from_id=pick(w.patients, a), reason="one person, registered twice")
    merged = await w.services.patients.merge(SYSTEM, command(), pick(w.patients, b), wanted)
    w.merges.append(merged.id)


async def undo_merge(w: World, a: int, b: int) -> None:
    await w.services.patients.undo_merge(SYSTEM, command(), pick(w.merges, a), UndoMerge(reason="two people"))


ATTEMPTS: tuple[Attempt, ...] = (
    *wards.ATTEMPTS,
    register,
    admit,
    issue,
    order_test,
    change_bed,
    call_next,
    move_token,
    collect,
    receive,
    enter,
    verify,
    release,
    transfer,
    order_discharge,
    depart,
    rename,
    call,
    send_on,
    cancel_token,
    correct,
    look_again,
    answer_alert,
    merge,
    undo_merge,
)
