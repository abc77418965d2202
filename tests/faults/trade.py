"""The load on stock and money: cashiers charge, invoice and take payments; a pharmacist hands medicines over.

Every cashier has a counter and a patient of her own, every medicine goes to somebody new, so that what must
be in the database follows from the acknowledged commands; that it adds up, from ``tests/money/sums.py``.
"""

import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Protocol

from hms_rt.app import Hospital
from hms_rt.departments.billing.schemas.accounts import CashierIn
from hms_rt.departments.billing.schemas.tariffs import PriceIn, ServiceIn
from hms_rt.departments.patients.schemas import PatientNew
from hms_rt.departments.pharmacy.schemas.formulary import MedicineIn, StoreIn
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import SYSTEM
from tests.faults.desk import Desk, Sent
from tests.pharmacy.conftest import FORMULARY, line

TILLS = ("T1", "T2")
MEDICINE = "AMOX500"
SERVICES: tuple[dict[str, Any], ...] = (
    {"code": "DRESS", "name": "Dressing", "kind": "procedure"},
    {"code": "AMOX", "name": "Amoxicillin", "kind": "medicine", "source": MEDICINE},
)
PRICES = {"DRESS": "10.005", "AMOX": "0.0125"}


class _Told(Protocol):
    """One command of the ledger."""

    kind: str
    answer: dict[str, Any]


def _said() -> Command:
    return Command(name="trade", request_id=str(uuid.uuid4()))


async def furnish(hospital: Hospital) -> list[uuid.UUID]:
    """A dispensary, a formulary, prices and tills; answers the patients who pay there."""
    billing, pharmacy = hospital.services.billing, hospital.services.pharmacy
    await pharmacy.define_medicine(SYSTEM, _said(), MedicineIn.model_validate(FORMULARY[0]))
    store = {"code": "MAIN", "name": "Main dispensary", "kind": "dispensary"}
    await pharmacy.define_store(SYSTEM, _said(), StoreIn.model_validate(store))
    for service in SERVICES:
        await billing.define_service(SYSTEM, _said(), ServiceIn.model_validate(service))
    for service_code, unit_price in PRICES.items():
        price = {"service": service_code, "unit_price": unit_price, "valid_from": "2000-01-01"}
        await billing.set_price(SYSTEM, _said(), PriceIn.model_validate(price))
    for till in TILLS:
        await billing.define_cashier(SYSTEM, _said(), CashierIn(code=till, name=till))
    patients = hospital.services.patients
    return [
        (await patients.register(SYSTEM, _said(), PatientNew(family_name=f"Buyer{till}"))).id
        for till in TILLS
    ]


def cashier(till: str, patient: uuid.UUID) -> Callable[[Desk, object], Awaitable[None]]:
    """Charges something, invoices it, takes a part in cash and a deposit, and settles the rest from that."""

    async def pay(desk: Desk, amount: Decimal, invoice: str | None = None) -> Sent:
        body = {"patient_id": str(patient), "counter": till, "means": "cash", "amount": f"{amount:f}"}
        if invoice is not None:
            body["invoice_id"] = invoice
        return await desk.rest("billing.pay", "POST", "/billing/payments", body)

    async def work(desk: Desk, _: object) -> None:
        opening = {"opening_cash": "50.00"}
        await desk.rest("billing.shift", "POST", f"/billing/cashiers/{till}/shifts", opening)
        charge = {"patient_id": str(patient), "service": "DRESS", "quantity": "3", "reason": "told"}
        await desk.rest("billing.charge", "POST", "/billing/charges", charge)
        wanted = {"patient_id": str(patient)}
        draft = await desk.rest("billing.draft", "POST", "/billing/invoices", wanted)
        if not draft.done:
            return
        paper = f"/billing/invoices/{draft.answer['id']}"
        issued = await desk.rest("billing.issue", "POST", f"{paper}/issue", {"counter": till}, version=1)
        if not issued.done:
            return
        due = Decimal(issued.answer["due"])
        part = min(due, Decimal("7.01"))
        paid = await pay(desk, part, draft.answer["id"])
        if part < due and paid.done:
            await pay(desk, due - part)
            await desk.rest("billing.settle", "POST", f"{paper}/settle", {})

    return work


def dispenser(doctor: Desk, reception: Desk) -> Callable[[Desk, object], Awaitable[None]]:
    """Receives goods; somebody new gets a prescription, and the medicine in two parts; some comes back."""

    async def prescribed() -> dict[str, Any]:
        new = {"family_name": f"Buyer{doctor.chance.randrange(1 << 60):x}"}
        patient = await reception.rest("trade.register", "POST", "/patients", new)
        body = {"patient_id": patient.answer["id"], "clinic": "GEN", "lines": [line(MEDICINE)]}
        draft = await doctor.rest("pharmacy.prescribe", "POST", "/prescriptions", body)
        path = f"/prescriptions/{draft.answer['id']}/activate"
        await doctor.rest("pharmacy.activate", "POST", path, {}, version=1)
        return draft.answer

    async def work(desk: Desk, _: object) -> None:
        expires = date.today() + timedelta(days=desk.chance.randrange(30, 40))  # noqa: DTZ011 - any will do
        goods = {"medicine": MEDICINE, "quantity": "15", "expires_on": expires.isoformat()}
        goods["lot"] = f"L{expires:%j}"
        await desk.rest("pharmacy.receive", "POST", "/pharmacy/stores/MAIN/receive", goods)
        prescription = await prescribed()
        parts = {"lines": [{"line_id": prescription["lines"][0]["id"], "quantity": "7"}]}
        for _round in range(2):
            path = f"/prescriptions/{prescription['id']}/dispenses"
            made = await desk.rest("pharmacy.prepare", "POST", path, parts)
            path = f"/dispenses/{made.answer['id']}"
            await desk.rest("pharmacy.hand_over", "POST", f"{path}/hand-over", {})
        back = {"reason": "changed", "disposition": "restock"}
        await desk.rest("pharmacy.return", "POST", f"{path}/return", back)

    return work


def wanted(acknowledged: Sequence[_Told]) -> dict[str, int]:
    """Query of a count -> how much it must be, by what was acknowledged."""
    done = Counter(sent.kind for sent in acknowledged)
    return {
        "SELECT count(*) FROM billing_charge WHERE kind = 'procedure'": done["billing.charge"],
        "SELECT count(*) FROM billing_invoice": done["billing.draft"],
        "SELECT last FROM billing_series WHERE series = 'invoice' UNION ALL SELECT 0 LIMIT 1": done[
            "billing.issue"
        ],
        "SELECT count(*) FROM billing_payment": done["billing.pay"],
        f"SELECT coalesce(sum(amount), 0) - {_paid(acknowledged)} FROM billing_payment": 0,
        "SELECT coalesce(sum(cash - opening_cash - (SELECT coalesce(sum(amount), 0) FROM billing_payment p"
        " WHERE p.shift_id = s.id)), 0) FROM billing_shift s": 0,
        "SELECT count(*) FROM pharmacy_ledger WHERE kind = 'receive'": done["pharmacy.receive"],
        "SELECT count(*) FROM pharmacy_dispense": done["pharmacy.prepare"],
        "SELECT count(*) FROM pharmacy_dispense WHERE handed_over_at IS NOT NULL": done["pharmacy.hand_over"],
        "SELECT count(*) FROM billing_charge WHERE kind = 'medicine' AND reverses IS NULL": done[
            "pharmacy.hand_over"
        ],
        "SELECT count(*) FROM billing_charge WHERE kind = 'medicine' AND reverses IS NOT NULL": done[
            "pharmacy.return"
        ],
    }


def _paid(acknowledged: Iterable[_Told]) -> Decimal:
    return sum(
        (Decimal(each.answer["amount"]) for each in acknowledged if each.kind == "billing.pay"), Decimal()
    )
