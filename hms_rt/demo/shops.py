"""Furnishes the demo's pharmacy and tills through the API, as their own staff."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hms_rt.demo.goods import (
    CASHIERS,
    CURRENCY,
    DISPENSARY,
    FORMULARY,
    PRICES,
    RECALLED,
    SERVICES,
    STORES,
    Kept,
)
from hms_rt.kernel.principal import AssignmentKind, Role
from hms_rt.replay.client import Session
from hms_rt.replay.setup import unless_there
from hms_rt.replay.staff import Staff, assign

CASHIER = "cashier"
PHARMACIST = "pharmacy"
OPENING_CASH = "200.00"
LEAVING_FROM = "MED"
TILL = str(CASHIERS[0]["code"])
LAST = str(CASHIERS[-1]["code"])
"""The counter that is defined last of all, so that an interrupted start is finished by the next."""

_SINCE = "2020-01-01"
_AT_ONCE = 8


def cashier_of(staff: Staff) -> Session:
    """The account that takes the money."""
    return next(one for one in staff.everybody() if one.account.username == CASHIER)


async def shops_there(office: Session) -> bool:
    """Whether all was furnished before."""
    return any(one["code"] == LAST for one in (await office.get("/billing/cashiers", limit=200))["items"])


async def furnish_shops(office: Session, staff: Staff) -> None:
    """Stores, formulary, stock, levels, tariff, counters, an open shift, and somebody who is about to leave.

    Wards and inpatients are there. Raises what a session raises.
    """
    await _several([unless_there(office, "/pharmacy/stores", store) for store in STORES])
    await _several([unless_there(office, "/pharmacy/formulary", kept.entry) for kept in FORMULARY])
    await _stock(staff.of(Role.PHARMACY, ""))
    await _tariff(office)
    await unless_there(office, "/billing/cashiers", CASHIERS[0])
    await _assign(office)
    cashier = cashier_of(staff)
    await unless_there(cashier, f"/billing/cashiers/{TILL}/shifts", {"opening_cash": OPENING_CASH})
    await _somebody_leaves(staff, cashier)
    await unless_there(office, "/billing/cashiers", CASHIERS[-1])


async def _stock(pharmacist: Session) -> None:
    """Each lot once, also if a start was interrupted: its key is the same again."""
    today = datetime.now(UTC).date()
    goods = []
    for kept in FORMULARY:
        for store, days, quantity in kept.lots:
            lot = f"{kept.code[:4]}-{days:03}"
            expires = (today + timedelta(days=days)).isoformat()
            body = {"medicine": kept.code, "lot": lot, "expires_on": expires, "quantity": quantity}
            path = f"/pharmacy/stores/{store}/receive"
            goods.append(pharmacist.post(path, body, key=f"demo:{today}:{store}:{kept.code}:{lot}"))
    await _several(goods)
    await _several([_level(pharmacist, kept) for kept in FORMULARY])
    gone = {**RECALLED, "expires_on": (today + timedelta(days=200)).isoformat()}
    path = f"/pharmacy/stores/{DISPENSARY}/receive"
    recalled = (await pharmacist.post(path, gone, key=f"demo:{today}:recalled")).value
    why = {"reason": "the maker recalls the lot: tablets crumble"}
    await unless_there(pharmacist, f"/pharmacy/lots/{recalled['lot_id']}/recall", why)


async def _level(pharmacist: Session, kept: Kept) -> None:
    path = f"/pharmacy/stores/{DISPENSARY}/levels/{kept.code}"
    known = await pharmacist.get(path)
    if known["reorder_level"] is None:
        await pharmacist.put(path, {"reorder_level": kept.level}, version=known["version"])


async def _tariff(office: Session) -> None:
    await unless_there(office, "/billing/currency", {"code": CURRENCY})
    await _several([unless_there(office, "/billing/services", service) for service in SERVICES])
    prices = [{"service": code, "unit_price": price, "valid_from": _SINCE} for code, price in PRICES.items()]
    await _several([unless_there(office, "/billing/prices", price) for price in prices])


async def _assign(office: Session) -> None:
    counter = AssignmentKind.COUNTER.value
    await assign(office, [PHARMACIST], [(counter, DISPENSARY)])
    await assign(office, [CASHIER], [(AssignmentKind.CASHIER.value, TILL), (counter, TILL)])


async def _somebody_leaves(staff: Staff, cashier: Session) -> None:
    """A discharge that waits for its bill: ordered, with services not billed and medicines not delivered."""
    doctor = staff.of(Role.DOCTOR, "")
    found = await doctor.get("/admissions", ward=LEAVING_FROM, state="admitted", limit=1)
    (admission,) = found["items"]
    here = {"patient_id": admission["patient_id"], "admission_id": admission["id"]}
    await doctor.post(f"/admissions/{admission['id']}/discharge-order", {"disposition": "home"})
    for service in ("DRESS", "SUTURE"):
        await doctor.post("/billing/procedures", {**here, "service": service, "quantity": "1"})
    lines = [kept.line() for kept in FORMULARY if kept.code in {"AMOX500", "PANT40"}]
    await prescribe(doctor, {**here, "take_home": True, "lines": lines})
    deposit = {"counter": TILL, "means": "card", "amount": "150.00", "reference": "demo"}
    await cashier.post("/billing/payments", {"patient_id": admission["patient_id"], **deposit})


async def prescribe(doctor: Session, wanted: dict[str, Any]) -> dict[str, Any]:
    """A prescription in force; what it warns of is read and gone past with a reason."""
    draft = (await doctor.post("/prescriptions", wanted)).value
    path = f"/prescriptions/{draft['id']}"
    raised = (await doctor.get(f"{path}/warnings"))["warnings"]
    past = [{"line_id": one["line_id"], "kind": one["kind"], "reason": "known, and wanted"} for one in raised]
    return (await doctor.post(f"{path}/activate", {"overrides": past})).value


async def _several(doing: Sequence[Awaitable[object]]) -> None:
    for start in range(0, len(doing), _AT_ONCE):
        await asyncio.gather(*doing[start : start + _AT_ONCE])
