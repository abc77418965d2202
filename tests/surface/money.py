"""Requests about tariffs, charges, invoices and payments, with what they need made ready."""

import uuid
from typing import Any

from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.schemas.accounts import (
    CashierIn,
    InvoiceIn,
    InvoiceOut,
    InvoiceQuery,
    IssueIn,
    PaymentIn,
    PaymentOut,
    RefundIn,
    RefundOut,
    ShiftClose,
    ShiftIn,
    ShiftOut,
    ShiftQuery,
    WhyVoid,
)
from hms_rt.departments.billing.schemas.charges import ChargeIn, ChargeOut, ProcedureIn, ReverseCharge
from hms_rt.departments.billing.schemas.days import DayIn, DayOut
from hms_rt.departments.billing.schemas.discounts import DiscountIn, DiscountOut
from hms_rt.departments.billing.schemas.estimates import EstimateIn, EstimateOut
from hms_rt.departments.billing.schemas.packages import PackageIn, PackageUseIn, PackageUseOut
from hms_rt.departments.billing.schemas.tariffs import CodeIn, CoverageIn, PriceIn, ServiceIn, ServiceOut
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.surface.recipes import REASON, Ask, Recipe, at, plain, today
from tests.surface.things import COUNTERS
from tests.surface.world import World


async def service(world: World) -> ServiceOut:
    """A procedure without a price."""
    new = ServiceIn(code=world.fresh("S"), name="Dressing", kind=ServiceKind.PROCEDURE)
    return await world.services.billing.define_service(SYSTEM, command(), new)


async def unpriced(world: World, service_code: str | None = None) -> ChargeOut:
    """Something that waits for a price."""
    code = service_code or (await service(world)).code
    wanted = {"patient_id": (await world.patient()).id, "service": code, "quantity": "2", **REASON}
    return await world.services.billing.raise_charge(SYSTEM, command(), ChargeIn.model_validate(wanted))


async def priced(world: World) -> ChargeOut:
    """Something that costs 15.00 a piece."""
    code = (await service(world)).code
    await price(world, code)
    return await unpriced(world, code)


async def price(world: World, code: str) -> None:
    """15.00 for ever."""
    wanted = {"service": code, "valid_from": "2000-01-01", "unit_price": "15.00"}
    await world.services.billing.set_price(SYSTEM, command(), PriceIn.model_validate(wanted))


def _new(prefix: str, **body: Any) -> Recipe:
    async def recipe(world: World) -> Ask:
        return Ask(body={**body, "code": world.fresh(prefix)})

    return recipe


async def _change_service(world: World) -> Ask:
    made = await service(world)
    return Ask({"service": made.code}, body={"name": "Large dressing"}, version=made.version)


async def _set_price(world: World) -> Ask:
    code = (await service(world)).code
    return Ask(body={"service": code, "valid_from": today(), "unit_price": "0.0125"})


async def _cover(world: World) -> Ask:
    patient = await world.patient()
    return Ask({"id": str(patient.id)}, body={"since": today(), "policy": "P-1"})


async def _raise(world: World) -> Ask:
    code, patient = (await service(world)).code, await world.patient()
    return Ask(body={"patient_id": str(patient.id), "service": code, "quantity": "1", **REASON})


async def _price_charge(world: World) -> Ask:
    charge = await unpriced(world)
    await price(world, charge.service or "")
    return Ask({"id": str(charge.id)}, body={"service": charge.service, **REASON})


async def _charges(world: World) -> Ask:
    return Ask(query={"patient_id": str((await priced(world)).patient_id)})


async def open_till(world: World) -> ShiftOut:
    """The open shift at counter C1; the server's own, so that an administrator stands in. It took transfers
    already, so that one more of them writes the same rows, whichever comes first."""
    billing = world.services.billing
    listed = (await billing.shifts(SYSTEM, command(), ShiftQuery(counter=COUNTERS[0], limit=1))).items
    if listed and listed[0].closed_at is None:
        return listed[0]
    told = ShiftIn.model_validate({"opening_cash": "1000.00"})
    await billing.open_cashier_shift(SYSTEM, command(), COUNTERS[0], told)
    patient = await world.patient()
    bank = {"patient_id": patient.id, "counter": COUNTERS[0], "means": "transfer", "amount": "1.00"}
    await billing.take_payment(SYSTEM, command(), PaymentIn.model_validate(bank))
    listed = (await billing.shifts(SYSTEM, command(), ShiftQuery(counter=COUNTERS[0], limit=1))).items
    return listed[0]


async def draft(world: World) -> InvoiceOut:
    """A draft of 30.00."""
    await open_till(world)
    wanted = InvoiceIn(patient_id=(await priced(world)).patient_id)
    return await world.services.billing.draft_invoice(SYSTEM, command(), wanted)


async def discount(world: World) -> DiscountOut:
    """Somebody asked for it who may give none alone."""
    wanted = DiscountIn.model_validate({"amount": "1.00", "reason": "member of staff"})
    return await world.services.billing.give_discount(SYSTEM, command(), (await draft(world)).id, wanted)


async def _procedure(world: World) -> Ask:
    """Of somebody who lies in a ward of theirs."""
    patient_id = (await world.admitted()).patient_id
    code = (await service(world)).code
    return Ask(body={"patient_id": str(patient_id), "service": code, "quantity": "1"})


async def _cancel_procedure(world: World) -> Ask:
    wanted = ProcedureIn.model_validate((await _procedure(world)).body)
    made = await world.services.billing.record_procedure(SYSTEM, command(), wanted)
    return Ask({"id": str(made.id)}, body=REASON)


async def _package(world: World) -> Ask:
    new = ServiceIn(code=world.fresh("P"), name="Check-up", kind=ServiceKind.PACKAGE)
    code = (await world.services.billing.define_service(SYSTEM, command(), new)).code
    await price(world, code)
    return Ask(body={"package": code, "items": [{"service": (await service(world)).code, "quantity": "2"}]})


async def _use(world: World) -> Ask:
    wanted = PackageIn.model_validate((await _package(world)).body)
    made = await world.services.billing.define_package(SYSTEM, command(), wanted)
    return Ask(body={"package": made.package, "patient_id": str((await world.patient()).id)})


async def package_use(world: World) -> PackageUseOut:
    """Nothing of it is used."""
    wanted = PackageUseIn.model_validate((await _use(world)).body)
    return await world.services.billing.apply_package(SYSTEM, command(), wanted)


async def issued(world: World) -> InvoiceOut:
    """Nothing of it is paid."""
    return await world.services.billing.issue_invoice(SYSTEM, command(), (await draft(world)).id, IssueIn())


async def to_void(world: World) -> InvoiceOut:
    """Somebody asked for the void."""
    why = WhyVoid(reason="wrong payer")
    return await world.services.billing.request_void(SYSTEM, command(), (await issued(world)).id, why)


async def to_credit(world: World) -> InvoiceOut:
    """What it charges was reversed since."""
    one = await issued(world)
    charge = (await world.services.billing.invoice(SYSTEM, command(), one.id)).charges[0]
    why = ReverseCharge(reason="was not done")
    await world.services.billing.reverse_charge(SYSTEM, command(), charge.id, why)
    return one


async def payers_part(world: World) -> InvoiceOut:
    """A third of 30.00 is the payer's, and not paid."""
    code, billing, patient = (await service(world)).code, world.services.billing, await world.patient()
    payer = world.fresh("PAY")
    await billing.define_payer(SYSTEM, command(), CodeIn(code=payer, name="Insurer"))
    wanted = {"service": code, "valid_from": "2000-01-01", "unit_price": "30.00", "payer": payer}
    share = PriceIn.model_validate({**wanted, "payer_share": "33.3"})
    await billing.set_price(SYSTEM, command(), share)
    covered = CoverageIn.model_validate({"payer": payer, "since": "2000-01-01"})
    await billing.cover(SYSTEM, command(), patient.id, covered)
    done = {"patient_id": patient.id, "service": code, "quantity": "1", **REASON}
    await billing.raise_charge(SYSTEM, command(), ChargeIn.model_validate(done))
    draft = await billing.draft_invoice(SYSTEM, command(), InvoiceIn(patient_id=patient.id))
    await billing.issue_invoice(SYSTEM, command(), draft.id, IssueIn())
    query = InvoiceQuery(patient_id=patient.id, payer=payer)
    return (await billing.invoices(SYSTEM, command(), query)).items[0]


async def _refuse(world: World) -> Ask:
    """Some of it is paid, and some refused."""
    await open_till(world)
    one = await payers_part(world)
    remitted = {"counter": COUNTERS[0], "means": "transfer", "amount": "2.00"}
    return Ask(
        {"id": str(one.id)}, body={"amount": "3.00", "remitted": remitted, **REASON}, version=one.version
    )


async def with_deposit(world: World) -> InvoiceOut:
    """The patient has a deposit."""
    one = await issued(world)
    await deposit(world, one.patient_id)
    return one


async def deposit(world: World, patient_id: uuid.UUID | None = None, **said: Any) -> PaymentOut:
    """10.00 in cash, unless told otherwise."""
    await open_till(world)
    patient_id = patient_id or (await world.patient()).id
    wanted = {"patient_id": patient_id, "counter": COUNTERS[0], "means": "cash", "amount": "10.00", **said}
    return await world.services.billing.take_payment(SYSTEM, command(), PaymentIn.model_validate(wanted))


async def pending(world: World) -> PaymentOut:
    """Announced by transfer."""
    return await deposit(world, means="transfer", pending=True)


async def refund(world: World) -> RefundOut:
    """Somebody asked for it."""
    paid = await deposit(world)
    wanted = RefundIn.model_validate({"amount": "1.00", "counter": COUNTERS[0], "reason": "moved away"})
    return await world.services.billing.request_refund(SYSTEM, command(), paid.id, wanted)


async def _estimate(world: World) -> Ask:
    code, patient = (await service(world)).code, await world.patient()
    await price(world, code)
    return Ask(body={"patient_id": str(patient.id), "items": [{"service": code, "quantity": "2"}]})


async def estimate(world: World) -> EstimateOut:
    """Of two dressings."""
    wanted = EstimateIn.model_validate((await _estimate(world)).body)
    return await world.services.billing.estimate(SYSTEM, command(), wanted)


async def _draft(world: World) -> Ask:
    return Ask(body={"patient_id": str((await priced(world)).patient_id)})


async def _pay(world: World) -> Ask:
    await open_till(world)
    patient = await world.patient()
    body = {"patient_id": str(patient.id), "counter": COUNTERS[0], "means": "cash", "amount": "5.00"}
    return Ask(body=body)


async def _refund(world: World) -> Ask:
    paid = await deposit(world)
    body = {"amount": "1.00", "counter": COUNTERS[0], "reason": "moved away"}
    return Ask({"id": str(paid.id)}, body=body)


def _counted(shift: ShiftOut) -> ShiftClose:
    """Everything is there."""
    others = [{"means": one.means, "counted": one.expected} for one in shift.means if one.means != "cash"]
    return ShiftClose.model_validate({"counted": shift.cash, "means": others})


async def _open(world: World) -> Ask:
    """Nobody is there, and the asker nowhere else."""
    await open_till(world)
    for one in (await world.services.billing.shifts(SYSTEM, command(), ShiftQuery(limit=200))).items:
        if one.closed_at is None:
            await world.services.billing.close_cashier_shift(SYSTEM, command(), one.id, _counted(one))
    return Ask({"code": COUNTERS[0]}, body={"opening_cash": "0"})


async def _day(world: World) -> Ask:
    """A facility of its own, whose only shift is closed."""
    billing, facility = world.services.billing, world.fresh("F")
    till = CashierIn(code=world.fresh("TILL"), name="Till", facility=facility)
    await billing.define_cashier(SYSTEM, command(), till)
    for one in (await billing.shifts(SYSTEM, command(), ShiftQuery(limit=200))).items:
        if one.closed_at is None:
            await billing.close_cashier_shift(SYSTEM, command(), one.id, _counted(one))
    told = ShiftIn.model_validate({"opening_cash": "10.00"})
    opened = await billing.open_cashier_shift(SYSTEM, command(), till.code, told)
    counted = ShiftClose.model_validate({"counted": "10.00"})
    await billing.close_cashier_shift(SYSTEM, command(), opened.id, counted)
    return Ask(body={"facility": facility})


async def closed_day(world: World) -> DayOut:
    """Nothing was taken on it."""
    wanted = DayIn.model_validate((await _day(world)).body)
    return await world.services.billing.close_day(SYSTEM, command(), wanted)


async def _close(world: World) -> Ask:
    shift = await open_till(world)
    others = _counted(shift).model_dump(mode="json")["means"]
    body = {"counted": "7.00", "reason": "counted twice", "means": others}
    return Ask({"id": str(shift.id)}, body=body, version=shift.version)


RECIPES: dict[str, Recipe] = {
    "GET /billing/currency": plain(),
    "POST /billing/currency": plain(body={"code": "EUR"}),
    "GET /billing/payers": plain(),
    "POST /billing/payers": _new("PAY", name="New insurer"),
    "GET /billing/classes": plain(),
    "POST /billing/classes": _new("CLS", name="New class"),
    "GET /billing/services": plain(),
    "POST /billing/services": _new("SV", name="New procedure", kind="procedure"),
    "PATCH /billing/services/{service}": _change_service,
    "GET /billing/prices": plain(),
    "POST /billing/prices": _set_price,
    "GET /patients/{id}/coverage": at(World.patient),
    "POST /patients/{id}/coverage": _cover,
    "GET /billing/charges": _charges,
    "POST /billing/charges": _raise,
    "POST /billing/charges/{id}/price": _price_charge,
    "POST /billing/charges/{id}/reverse": at(priced, REASON),
    "POST /billing/invoices": _draft,
    "GET /billing/invoices": plain(),
    "GET /billing/invoices/{id}": at(issued),
    "POST /billing/invoices/{id}/issue": at(draft, {"counter": COUNTERS[0]}),
    "POST /billing/invoices/{id}/settle": at(with_deposit, {"amount": "1.00"}),
    "POST /billing/invoices/{id}/discard": at(draft),
    "POST /billing/invoices/{id}/request-void": at(issued, REASON),
    "POST /billing/invoices/{id}/void": at(to_void),
    "POST /billing/invoices/{id}/credit": at(to_credit),
    "POST /billing/invoices/{id}/refuse": _refuse,
    "GET /billing/debtors": plain(),
    "POST /billing/payments": _pay,
    "GET /billing/payments": plain(),
    "POST /billing/payments/{id}/capture": at(pending),
    "POST /billing/payments/{id}/fail": at(pending),
    "POST /billing/payments/{id}/refunds": _refund,
    "GET /billing/refunds": plain(),
    "POST /billing/refunds/{id}/approve": at(refund),
    "POST /billing/refunds/{id}/decline": at(refund),
    "GET /billing/cashiers": plain(),
    "POST /billing/cashiers": _new("TILL", name="New till"),
    "POST /billing/cashiers/{code}/shifts": _open,
    "GET /billing/shifts": plain(),
    "POST /billing/shifts/{id}/close": _close,
    "GET /patients/{id}/account": at(World.patient),
    "GET /patients/{id}/account/statement": at(World.patient),
    "GET /patients/{id}/account/statement/pdf": at(World.patient),
    "POST /billing/estimates": _estimate,
    "GET /billing/estimates": plain(),
    "GET /billing/estimates/{id}": at(estimate),
    "GET /billing/estimates/{id}/pdf": at(estimate),
    "GET /billing/discount-limits": plain(),
    "POST /billing/discount-limits": plain(body={"holder": "cashier", "percent": "5"}),
    "POST /billing/invoices/{id}/discounts": at(draft, {"percent": "10", "reason": "member of staff"}),
    "GET /billing/discounts": plain(),
    "POST /billing/discounts/{id}/approve": at(discount),
    "POST /billing/discounts/{id}/decline": at(discount),
    "GET /billing/packages": plain(),
    "POST /billing/packages": _package,
    "POST /billing/package-uses": _use,
    "POST /billing/package-uses/{id}/withdraw": at(package_use, REASON),
    "GET /patients/{id}/packages": at(World.patient),
    "POST /billing/days": _day,
    "GET /billing/days": plain(),
    "GET /billing/days/{id}/pdf": at(closed_day),
    "POST /billing/procedures": _procedure,
    "POST /billing/procedures/{id}/cancel": _cancel_procedure,
    "GET /billing/issuers": plain(),
    "POST /billing/issuers": plain(body={"name": "General Hospital", "address": "1 Main Road\nTown"}),
    "GET /billing/invoices/{id}/pdf": at(issued),
    "GET /billing/payments/{id}/receipt": at(deposit),
    "GET /billing/refunds/{id}/pdf": at(refund),
    "GET /billing/shifts/{id}/pdf": at(open_till),
}
"""Endpoint -> a request that somebody with every role at every place may make with success."""
