"""Dispensing: prepared and handed over; in parts, from the lots that expire first."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.notifications.service import Kind, Phrase, Priority, Subject, say
from hms_rt.departments.pharmacy.events import DispensePrepared, PrescriptionChanged
from hms_rt.departments.pharmacy.model.dispense import Dispense, DispenseItem, DispenseState
from hms_rt.departments.pharmacy.model.formulary import Medicine, invalid
from hms_rt.departments.pharmacy.model.prescription import Line, Prescription, PrescriptionMove
from hms_rt.departments.pharmacy.model.stock import (
    LedgerKind,
    Lot,
    check_choice,
    first_expired_first_out,
)
from hms_rt.departments.pharmacy.repository import dispenses, formulary, prescriptions
from hms_rt.departments.pharmacy.repository import stock as stock_rows
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut, When
from hms_rt.departments.pharmacy.schemas.sales import SaleItemIn
from hms_rt.departments.pharmacy.schemas.stock import (
    DispenseIn,
    DispenseLineIn,
    DispenseList,
    DispenseOut,
    NotDispensedIn,
)
from hms_rt.departments.pharmacy.service.foundation import (
    found,
    locked,
    moved,
    prescription_out,
    require_at,
)
from hms_rt.departments.pharmacy.service.late_allergies import refuse_alerts
from hms_rt.departments.pharmacy.service.returning import Returning, dispense_out
from hms_rt.departments.pharmacy.service.stock import book
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.kernel.schema import Moment
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

_M = PrescriptionMove


class Dispensing(Returning):
    """What is prepared and handed over. The prescription is locked, then stock by medicine."""

    async def prepare(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID, wanted: DispenseIn
    ) -> DispenseOut:
        """Take from a store what is to be handed over: all that is left to dispense, or a part.

        Raises ``illegal_move`` unless the prescription can be dispensed now, ``conflict`` for more than
        prescribed, too little stock, a lot that is not the first to expire without a reason, or an alert.
        """

        async def work(uow: UnitOfWork) -> DispenseOut:
            require(principal, Permission.DISPENSE)
            prescription, lines = await locked(uow, prescription_id)
            command.check_version(prescription.version)
            store = wanted.store or prescription.dispensary
            made, items = await self._take(uow, prescription, lines, wanted.lines, store)
            uow.record(DispensePrepared(prescription, tuple(lines)))
            uow.audit(
                "dispense.prepare",
                entity="dispense",
                entity_id=made.id,
                patient_id=prescription.patient_id,
            )
            return dispense_out(made, items)

        return await self._units.execute(principal, command, DispenseOut, work)

    async def hand_over(
        self, principal: Principal, command: Command, dispense_id: uuid.UUID, when: When
    ) -> DispenseOut:
        """The patient, or the ward, gets it; the prescription is then dispensed, in part or whole.

        Records ``SupplyChanged``. Raises ``conflict`` for a lot that was recalled or expired since.
        """

        async def work(uow: UnitOfWork) -> DispenseOut:
            prescription, lines, before, items = await self._locked(uow, dispense_id)
            command.check_version(before.version)
            await self._check_ready(uow, lines, items)
            after = await self._hand_over(uow, prescription, lines, before, items, when.occurred_at)
            return dispense_out(after, items)

        return await self._units.execute(principal, command, DispenseOut, work)

    async def _hand_over(
        self,
        uow: UnitOfWork,
        prescription: Prescription,
        lines: Sequence[Line],
        before: Dispense,
        items: Sequence[DispenseItem],
        occurred_at: Moment | None,
    ) -> Dispense:
        """Write that a locked dispense is with the patient, and what the prescription is then."""
        after = before.hand_over(uow.principal.id, occurred(occurred_at, uow.now))
        await dispenses.save(uow.connection, after)
        nothing = [replace(item, returned=item.quantity) for item in items]
        await self._record_supply(uow, prescription, after, nothing, items)
        given = [_dispensed(line, items) for line in lines]
        for line in given:
            await prescriptions.save_line(uow.connection, line)
        done = all(line.to_dispense <= 0 for line in given)
        move = _M.DISPENSE_REST if done else _M.DISPENSE_PART
        then = prescription.move(move)
        await moved(uow, prescription, then, given, move, Cause.DISPENSED, occurred_at)
        return after

    async def not_dispensed(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID, told: NotDispensedIn
    ) -> PrescriptionOut:
        """The rest of a line is not dispensed; with nothing else left the prescription is dispensed.

        The prescriber is told.
        """

        async def work(uow: UnitOfWork) -> PrescriptionOut:
            require(principal, Permission.DISPENSE)
            prescription, lines = await locked(uow, prescription_id)
            command.check_version(prescription.version)
            prescription.move(_M.DISPENSE_PART)
            if await dispenses.prepared(uow.connection, prescription_id):
                raise conflict("something is prepared: hand it over or cancel it first")
            line = found(next((one for one in lines if one.id == told.line_id), None), "that line")
            if line.to_dispense <= 0:
                raise conflict("nothing of that line is left to dispense")
            after = replace(line, not_dispensed=told.reason)
            await prescriptions.save_line(uow.connection, after)
            await self._tell_prescriber(uow, prescription, line)
            lines = [after if one.id == after.id else one for one in lines]
            if all(one.to_dispense <= 0 for one in lines):
                done = prescription.move(_M.DISPENSE_REST)
                return await moved(uow, prescription, done, lines, _M.DISPENSE_REST, Cause.DISPENSED, None)
            kept = replace(prescription, version=prescription.version + 1)
            await prescriptions.save(uow.connection, kept)
            uow.record(PrescriptionChanged(prescription, kept, tuple(lines), Cause.STATUS))
            uow.audit(
                "dispense.not_dispensed",
                entity="prescription",
                entity_id=kept.id,
                patient_id=kept.patient_id,
            )
            return prescription_out(principal, kept, lines)

        return await self._units.execute(principal, command, PrescriptionOut, work)

    async def _tell_prescriber(self, uow: UnitOfWork, prescription: Prescription, line: Line) -> None:
        people = await self._identity.active_names_of(uow.connection, {prescription.prescribed_by})
        title = say(Phrase.NOT_DISPENSED, medicine=line.name)
        subject = Subject("prescription", str(prescription.id))
        kind, patient_id = Kind.NOT_DISPENSED, prescription.patient_id
        await self._tell(uow, people, kind, title, subject, Priority.NORMAL, patient_id)

    async def dispenses(
        self, principal: Principal, command: Command, prescription_id: uuid.UUID
    ) -> DispenseList:
        """Every dispense of a prescription, oldest first; audited."""

        async def work(uow: UnitOfWork) -> DispenseList:
            require(principal, Permission.PRESCRIPTION_READ)
            one, _ = found(await prescriptions.find(uow.connection, prescription_id), "that prescription")
            require_at(principal, Permission.PRESCRIPTION_READ, one)
            uow.audit("dispense.list", entity="prescription", entity_id=one.id, patient_id=one.patient_id)
            listed = await dispenses.of_prescription(uow.connection, prescription_id)
            return DispenseList(items=[dispense_out(made, items) for made, items in listed])

        return await self._units.execute(principal, replace(command, key=None), DispenseList, work)

    async def _take(
        self,
        uow: UnitOfWork,
        prescription: Prescription,
        lines: Sequence[Line],
        wanted: Sequence[DispenseLineIn],
        store: str,
    ) -> tuple[Dispense, list[DispenseItem]]:
        """A new dispense for a locked prescription, with what was taken from the store for it."""
        prescription.move(_M.DISPENSE_PART)  # raises unless it can be dispensed now
        found(await formulary.store(uow.connection, store), f"store {store}")
        made = Dispense(
            uow.ids.new(), prescription.id, store, DispenseState.PREPARED, uow.principal.id, uow.now
        )
        items = await self._items(uow, made, lines, wanted)
        try:
            await dispenses.add(uow.connection, made, items)
        except IntegrityError as error:
            if violated(error) != "pharmacy_dispense_item_first_check":
                raise
            raise conflict("a lot that expires earlier came in just now: try again") from error
        return made, items

    async def _check_ready(
        self, uow: UnitOfWork, lines: Sequence[Line], items: Sequence[DispenseItem]
    ) -> None:
        """Raises ``conflict`` for what was prepared and may not be handed over any more."""
        refuse_alerts(lines, {item.line_id for item in items})
        today = uow.now.astimezone(self._zone).date()
        for lot_id in sorted({item.lot_id for item in items}):
            lot = found(await stock_rows.lot_for_use(uow.connection, lot_id), "that lot")
            if not lot.usable(today):
                why = "recalled" if lot.recalled_at is not None else "expired"
                raise conflict(f"lot {lot.number} is {why}: cancel this dispense and prepare another")

    async def _items(
        self, uow: UnitOfWork, made: Dispense, lines: Sequence[Line], wanted: Sequence[DispenseLineIn]
    ) -> list[DispenseItem]:
        """Lots for each line, booked out of the store; by medicine, so that nobody waits in a circle."""
        by_id = {line.id: line for line in lines}
        for one in wanted:
            found(by_id.get(one.line_id), "that line")
        refuse_alerts(lines, {one.line_id for one in wanted})
        waiting = await dispenses.prepared(uow.connection, made.prescription_id)
        codes = {one.medicine or by_id[one.line_id].medicine for one in wanted}
        known = await formulary.by_codes(uow.connection, codes | {line.medicine for line in lines})
        today = uow.now.astimezone(self._zone).date()
        items: list[DispenseItem] = []

        def by_medicine(one: DispenseLineIn) -> tuple[str, uuid.UUID]:
            return one.medicine or by_id[one.line_id].medicine, one.line_id

        for one in sorted(wanted, key=by_medicine):
            line = by_id[one.line_id]
            already = waiting.get(line.id, Decimal(0))
            if one.quantity > line.to_dispense - already:
                raise conflict(f"{line.name}: only {line.to_dispense - already:f} is left to dispense")
            waiting[line.id] = already + one.quantity
            medicine = _substitute(line, one, known)
            for lot, quantity in await self._lots(uow, made.store, medicine, one, today):
                await book(uow, lot, made.store, LedgerKind.DISPENSE, -quantity, made.id)
                items.append(
                    DispenseItem(uow.ids.new(), made.id, line.id, lot.id, medicine, quantity, one.reason)
                )
        return items

    @staticmethod
    async def _lots(
        uow: UnitOfWork, store: str, medicine: str, wanted: DispenseLineIn | SaleItemIn, today: date
    ) -> list[tuple[Lot, Decimal]]:
        held = await stock_rows.lock_held(uow.connection, store, medicine)
        if wanted.lot_id is None:
            return first_expired_first_out(held, wanted.quantity, today)
        chosen = check_choice(held, wanted.lot_id, today, wanted.reason)
        return first_expired_first_out([chosen], wanted.quantity, today)


def _dispensed(line: Line, items: Sequence[DispenseItem]) -> Line:
    more = sum((item.quantity for item in items if item.line_id == line.id), Decimal(0))
    return replace(line, dispensed=line.dispensed + more)


def _substitute(line: Line, wanted: DispenseLineIn, known: dict[str, Medicine]) -> str:
    """Which medicine is handed over; raises ``invalid`` for one that is not the same thing."""
    if wanted.medicine is None or wanted.medicine == line.medicine:
        return line.medicine
    meant, other = known[line.medicine], known.get(wanted.medicine)
    if other is None:
        raise invalid("medicine", f"{wanted.medicine} is not in the formulary")

    def sort(one: Medicine) -> tuple[object, ...]:
        return one.generic.casefold(), one.strength, one.strength_unit, one.per, one.dispense_unit

    if sort(meant) != sort(other):
        raise invalid("medicine", f"{other.code} is not of the same generic, strength and unit")
    if wanted.reason is None:
        raise invalid("reason", "say why another medicine is handed over")
    return other.code
