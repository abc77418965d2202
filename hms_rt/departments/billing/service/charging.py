"""Charges by hand, what waits for a tariff, what was a mistake; and the midnights of those in a bed."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace

from hms_rt.departments.billing.events import ChargesPriced
from hms_rt.departments.billing.model.charge import Charge
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.projector.bed_days import TIMER
from hms_rt.departments.billing.projector.ledger import Deed
from hms_rt.departments.billing.projector.packages import include
from hms_rt.departments.billing.repository import charges, stays, tariffs
from hms_rt.departments.billing.schemas.charges import (
    ChargeIn,
    ChargeOut,
    ChargeQuery,
    PriceCharge,
    ProcedureIn,
    ProcedureOut,
    ReverseCharge,
)
from hms_rt.departments.billing.schemas.tariffs import IdCursor
from hms_rt.departments.billing.service.foundation import (
    Foundation,
    charge_out,
    found,
    invalid,
    procedure_out,
)
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.kernel.timers import Timer
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

BY_HAND = (ServiceKind.PROCEDURE, ServiceKind.OTHER)


class Charging(Foundation):
    """What departments do is charged by their events; here is the rest."""

    async def raise_charge(self, principal: Principal, command: Command, wanted: ChargeIn) -> ChargeOut:
        """Charge a procedure or another service by hand; records ``ChargeRaised``.

        Raises ``not_found`` for an unknown patient or service, ``invalid`` for one that departments charge
        by themselves, or that costs nothing.
        """

        async def work(uow: UnitOfWork) -> ChargeOut:
            require(principal, Permission.CHARGE_RAISE)
            return charge_out(await self._by_hand(uow, wanted, BY_HAND, wanted.reason))

        return await self._units.execute(principal, command, ChargeOut, work)

    async def record_procedure(
        self, principal: Principal, command: Command, wanted: ProcedureIn
    ) -> ProcedureOut:
        """Say that a procedure was done: by who treats the patient. It is charged, at a price not told here.

        Raises as ``raise_charge``, and ``forbidden`` for who does not treat the patient.
        """

        async def work(uow: UnitOfWork) -> ProcedureOut:
            require(principal, Permission.PROCEDURE_RECORD)
            care = Permission.PROCEDURE_RECORD
            await self._patients.require_care(uow, principal, care, wanted.patient_id)
            charge = await self._by_hand(uow, wanted, (ServiceKind.PROCEDURE,))
            return procedure_out(charge)

        return await self._units.execute(principal, command, ProcedureOut, work)

    async def cancel_procedure(
        self, principal: Principal, command: Command, charge_id: uuid.UUID, why: ReverseCharge
    ) -> ProcedureOut:
        """The procedure was not done: by who recorded it, or treats the patient; its charge is reversed."""

        async def work(uow: UnitOfWork) -> ProcedureOut:
            require(principal, Permission.PROCEDURE_RECORD)
            charge = await self._held(uow, charge_id)
            if charge.kind is not ServiceKind.PROCEDURE:
                raise not_found("that procedure")
            care = Permission.PROCEDURE_RECORD
            await self._patients.require_care(uow, principal, care, charge.patient_id)
            await self._ledger.reverse(uow, charge, why.reason)
            return procedure_out(charge)

        return await self._units.execute(principal, command, ProcedureOut, work)

    async def _by_hand(
        self,
        uow: UnitOfWork,
        wanted: ProcedureIn,
        kinds: Collection[ServiceKind],
        reason: str | None = None,
    ) -> Charge:
        """Charge a service of one of these kinds."""
        await self._patients.lock(uow, wanted.patient_id)
        known = await tariffs.service(uow.connection, wanted.service)
        service = found(known, f"service {wanted.service}")
        if service.kind not in kinds or not service.chargeable:
            raise invalid("service", "is charged by what departments do, or costs nothing")
        deed = Deed(
            service.kind,
            service.code,
            f"{uow.principal.id}/{uow.ids.new()}",
            wanted.patient_id,
            occurred(wanted.occurred_at, uow.now),
            service.name,
            wanted.quantity,
            await self._admission(uow, wanted),
            service=service,
            reason=reason,
        )
        return found(await self._ledger.charge(uow, deed), "that service")

    @staticmethod
    async def _admission(uow: UnitOfWork, wanted: ProcedureIn) -> uuid.UUID | None:
        """The admission told, if it is the patient's; that of the bed the patient is in, if none is told."""
        if wanted.admission_id is None:
            return await stays.open_admission(uow.connection, wanted.patient_id)
        if await stays.patient_of(uow.connection, wanted.admission_id) != wanted.patient_id:
            raise invalid("admission_id", "not an admission of this patient with a bed")
        return wanted.admission_id

    async def price_charge(
        self, principal: Principal, command: Command, charge_id: uuid.UUID, wanted: PriceCharge
    ) -> ChargeOut:
        """Price what waits for a tariff, by that of the day when it happened; records ``ChargesPriced``.

        Raises ``conflict`` while there is no tariff, or if it has a price.
        """

        async def work(uow: UnitOfWork) -> ChargeOut:
            require(principal, Permission.CHARGE_RAISE)
            charge = await self._held(uow, charge_id)
            if wanted.service is not None and charge.amounts is None:
                known = await tariffs.service(uow.connection, wanted.service)
                service = found(known, f"service {wanted.service}")
                if service.kind is not charge.kind:
                    raise invalid("service", f"is no {charge.kind.value}")
                charge = replace(charge, service=service.code, reason=wanted.reason or charge.reason)
            after = await self._ledger.price(uow, charge)
            if after is None:
                raise conflict("there is no tariff for that day: define service and price first")
            await charges.save_price(uow.connection, after)
            await include(uow, after, self._zone)
            uow.record(ChargesPriced(after.patient_id))
            uow.audit(
                "charge.price",
                entity="charge",
                entity_id=after.id,
                patient_id=after.patient_id,
                detail={"service": after.service, "reason": after.reason},
            )
            return charge_out(after)

        return await self._units.execute(principal, command, ChargeOut, work)

    async def reverse_charge(
        self, principal: Principal, command: Command, charge_id: uuid.UUID, why: ReverseCharge
    ) -> ChargeOut:
        """Take a charge back, by another one of the opposite amounts, which is answered."""

        async def work(uow: UnitOfWork) -> ChargeOut:
            require(principal, Permission.CHARGE_REVERSE)
            charge = await self._held(uow, charge_id)
            return charge_out(await self._ledger.reverse(uow, charge, why.reason))

        return await self._units.execute(principal, command, ChargeOut, work)

    async def _held(self, uow: UnitOfWork, charge_id: uuid.UUID) -> Charge:
        """A charge, locked after its patient; raises ``not_found``."""
        patient_id = await charges.patient_of(uow.connection, charge_id)
        await self._patients.lock(uow, found(patient_id, "that charge"))
        return found(await charges.lock(uow.connection, charge_id), "that charge")

    async def charges(self, principal: Principal, command: Command, query: ChargeQuery) -> Page[ChargeOut]:
        """Charges, oldest first: of a patient or admission, or all that wait for a price; audited."""

        async def work(uow: UnitOfWork) -> Page[ChargeOut]:
            require(principal, Permission.CHARGE_READ)
            listed = await charges.page(
                uow.connection,
                patient_id=query.patient_id,
                admission_id=query.admission_id,
                standing=query.standing,
                after=decode_cursor(query.cursor, IdCursor).id if query.cursor else None,
                limit=query.limit + 1,
            )
            shown, cursor = cut(listed, query.limit, lambda one: IdCursor(id=one.id))
            uow.audit(
                "charge.list",
                entity="charge",
                entity_id=query.patient_id or query.admission_id or "list",
                patient_id=query.patient_id,
                detail={"charges": [str(one.id) for one in shown]},
            )
            return Page[ChargeOut](items=[charge_out(one) for one in shown], next_cursor=cursor)

        return await self._units.execute(principal, replace(command, key=None), Page[ChargeOut], work)

    def timer_callbacks(self) -> Mapping[str, Callable[[UnitOfWork, Timer], Awaitable[None]]]:
        """Every kind of durable timer that billing sets."""
        return {TIMER: self._midnight}

    async def _midnight(self, uow: UnitOfWork, timer: Timer) -> None:
        """A day of somebody in a bed is over, or several, if no process ran; the key is the admission."""
        admission_id = uuid.UUID(timer.key)
        patient_id = await stays.patient_of(uow.connection, admission_id)
        if patient_id is None:
            return
        await self._patients.lock(uow, patient_id)
        stay = await stays.lock(uow.connection, admission_id)
        if stay is not None and stay.ward is not None:
            await self._days.catch_up(uow, stay)
