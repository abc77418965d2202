"""A hospital for the rush: people with counters of their own, patients, stock, invoices."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from bench.harness import PASSWORD, command
from hms_rt.app import Hospital
from hms_rt.departments.billing.schemas.accounts import (
    CashierIn,
    InvoiceIn,
    IssueIn,
    PaymentIn,
    ShiftIn,
)
from hms_rt.departments.billing.schemas.charges import ChargeIn
from hms_rt.departments.billing.schemas.tariffs import PriceIn, ServiceIn
from hms_rt.departments.identity.schemas import UserNew
from hms_rt.departments.opd.schemas.queue import ClinicIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.pharmacy.schemas.formulary import MedicineIn, StoreIn
from hms_rt.departments.pharmacy.schemas.prescriptions import Activation, PrescriptionIn
from hms_rt.departments.pharmacy.schemas.stock import ReceiptIn
from hms_rt.kernel.principal import SYSTEM, Principal, PrincipalKind, Role
from hms_rt.services import Services

STOCK = "1000000"
COURSE = "100000"
HOT, COUNTER = "HOT", "C-HOT"
BOSS = "boss"
HOT_INVOICE, OWN_INVOICE = "200", "1000000"
"""Dressings of 1.00 on an invoice that everybody pays, and on one that a single cashier does."""
HOT_INVOICES = 40


@dataclass(frozen=True)
class Line:
    """A line of a prescription, to be dispensed."""

    prescription: uuid.UUID
    line: uuid.UUID


@dataclass(frozen=True)
class Paper:
    """An invoice to be paid, and whose it is."""

    patient: uuid.UUID
    invoice: uuid.UUID


@dataclass(frozen=True)
class Rush:
    """What there is for everybody: each list has an entry for each of them, ``hot`` is for all."""

    people: Sequence[str]
    patients: Sequence[uuid.UUID]
    same_lot: Sequence[Line]
    own_lots: Sequence[Line]
    hot: Sequence[Paper]
    own_invoices: Sequence[Paper]


async def furnish(hospital: Hospital, many: int) -> Rush:
    """``many`` people and patients; one lot and many, some invoices for all and one for each."""
    services = hospital.services
    patients = [await _patient(services) for _ in range(many)]
    for counter in (COUNTER, *(f"C-{number:02}" for number in range(many))):
        await services.billing.define_cashier(SYSTEM, command(), CashierIn(code=counter, name=counter))
    people = [await _person(services, f"cashier{number}", f"C-{number:02}") for number in range(many)]
    await _person(services, BOSS, COUNTER)
    await _tariff(services)
    await services.opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General"))
    store = {"code": "MAIN", "name": "Main dispensary", "kind": "dispensary"}
    await services.pharmacy.define_store(SYSTEM, command(), StoreIn.model_validate(store))
    medicines = [HOT, *(f"M{number:02}" for number in range(many))]
    for medicine in medicines:
        await _medicine(services, medicine)
    return Rush(
        people=people,
        patients=patients,
        same_lot=[await _line(services, patient, HOT) for patient in patients],
        own_lots=[
            await _line(services, patient, medicine)
            for patient, medicine in zip(patients, medicines[1:], strict=True)
        ],
        hot=[await _invoice(services, await _patient(services), HOT_INVOICE) for _ in range(HOT_INVOICES)],
        own_invoices=[await _invoice(services, patient, OWN_INVOICE) for patient in patients],
    )


async def _patient(services: Services) -> uuid.UUID:
    new = PatientNew(family_name=f"Patient {uuid.uuid4().hex[:8]}")
    return (await services.patients.register(SYSTEM, command(), new)).id


async def _person(services: Services, name: str, counter: str) -> str:
    """Somebody who may stand at any counter, with the shift at this one; answers the name."""
    roles = [Role.ADMIN.value, Role.RECEPTION.value, Role.PHARMACY.value]
    new = UserNew.model_validate(
        {"username": name, "display_name": name, "password": PASSWORD, "roles": roles}
    )
    user = await services.identity.create_user(SYSTEM, command(), new)
    principal = Principal(
        kind=PrincipalKind.USER,
        id=user.id,
        session_id=uuid.uuid4(),
        name=name,
        roles=frozenset(Role(role) for role in roles),
        assignments=frozenset(),
    )
    opening = ShiftIn(opening_cash=Decimal(0))
    await services.billing.open_cashier_shift(principal, command(), counter, opening)
    return name


async def _tariff(services: Services) -> None:
    new = {"code": "DRESS", "name": "Dressing", "kind": "procedure"}
    await services.billing.define_service(SYSTEM, command(), ServiceIn.model_validate(new))
    price = {"service": "DRESS", "unit_price": "1.00", "valid_from": "2000-01-01"}
    await services.billing.set_price(SYSTEM, command(), PriceIn.model_validate(price))


async def _medicine(services: Services, code: str) -> None:
    """A medicine and one lot of it."""
    new = {"code": code, "generic": f"Generic {code}", "form": "tablet", "strength": "1"}
    unit = {"strength_unit": "mg", "per": "1", "dispense_unit": "tablet"}
    await services.pharmacy.define_medicine(SYSTEM, command(), MedicineIn.model_validate({**new, **unit}))
    expires = date.today() + timedelta(days=365)  # noqa: DTZ011 - any day to come will do
    goods = {"medicine": code, "lot": f"L-{code}", "quantity": STOCK, "expires_on": expires.isoformat()}
    await services.pharmacy.receive(SYSTEM, command(), "MAIN", ReceiptIn.model_validate(goods))


async def _line(services: Services, patient: uuid.UUID, medicine: str) -> Line:
    line = {"medicine": medicine, "dose": "1", "route": "oral", "quantity": COURSE, "duration_days": 5}
    line["frequency"] = {"kind": "times_per_day", "per_day": 3}
    wanted = {"patient_id": patient, "clinic": "GEN", "lines": [line]}
    draft = await services.pharmacy.prescribe(SYSTEM, command(), PrescriptionIn.model_validate(wanted))
    active = await services.pharmacy.activate(SYSTEM, command(), draft.id, Activation())
    return Line(active.id, active.lines[0].id)


async def _invoice(services: Services, patient: uuid.UUID, dressings: str) -> Paper:
    charge = {"patient_id": patient, "service": "DRESS", "quantity": dressings, "reason": "rush hour"}
    await services.billing.raise_charge(SYSTEM, command(), ChargeIn.model_validate(charge))
    draft = await services.billing.draft_invoice(SYSTEM, command(), InvoiceIn(patient_id=patient))
    await services.billing.issue_invoice(SYSTEM, command(), draft.id, IssueIn())
    return Paper(patient, draft.id)


def payment(patient: uuid.UUID, counter: str, invoice: uuid.UUID | None = None) -> dict[str, str]:
    """The body of a payment of 1.00 in cash."""
    body = {"patient_id": patient, "counter": counter, "means": "cash", "amount": "1.00"}
    wanted = PaymentIn.model_validate(body | ({"invoice_id": invoice} if invoice is not None else {}))
    told: dict[str, str] = wanted.model_dump(mode="json", exclude_defaults=True)
    return told
