"""What comes back: cancelled before it was handed over, or brought back after, whole or in parts."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import TypeVar

from hms_rt.departments.pharmacy.events import DispensePrepared, PrescriptionChanged, Supply, SupplyChanged
from hms_rt.departments.pharmacy.model.dispense import (
    Dispense,
    DispenseItem,
    DispenseMove,
    Disposition,
    Returned,
)
from hms_rt.departments.pharmacy.model.formulary import invalid
from hms_rt.departments.pharmacy.model.prescription import Line, Prescription
from hms_rt.departments.pharmacy.model.sale import SaleItem
from hms_rt.departments.pharmacy.model.stock import LedgerKind
from hms_rt.departments.pharmacy.model.store import StoreKind
from hms_rt.departments.pharmacy.repository import dispenses, formulary, prescriptions
from hms_rt.departments.pharmacy.repository import stock as stock_rows
from hms_rt.departments.pharmacy.schemas.prescriptions import Why
from hms_rt.departments.pharmacy.schemas.stock import DispenseItemOut, DispenseOut, ReturnIn
from hms_rt.departments.pharmacy.service.foundation import Foundation, found, locked
from hms_rt.departments.pharmacy.service.stock import book
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

Held = tuple[Prescription, list[Line], Dispense, list[DispenseItem]]
BeforeAfter = tuple[DispenseItem, DispenseItem]
Brought = TypeVar("Brought", DispenseItem, SaleItem)


class Returning(Foundation):
    """The patient is locked first, then the prescription, then stock by medicine; the ledger books it."""

    async def cancel_dispense(
        self, principal: Principal, command: Command, dispense_id: uuid.UUID, why: Why
    ) -> DispenseOut:
        """What was prepared goes back on the shelf."""

        async def work(uow: UnitOfWork) -> DispenseOut:
            prescription, lines, before, items = await self._locked(uow, dispense_id)
            command.check_version(before.version)
            after = before.end(DispenseMove.CANCEL, why.reason, principal.id, uow.now)
            await dispenses.save(uow.connection, after)
            for item in _by_medicine(items):
                lot = found(await stock_rows.lot(uow.connection, item.lot_id), "that lot")
                kind = LedgerKind.DISPENSE_CANCELLED
                await book(uow, lot, after.store, kind, item.quantity, after.id, reason=why.reason)
            uow.record(DispensePrepared(prescription, tuple(lines)))
            _account(uow, DispenseMove.CANCEL, prescription, after)
            return dispense_out(after, items)

        return await self._units.execute(principal, command, DispenseOut, work)

    async def return_dispense(
        self, principal: Principal, command: Command, dispense_id: uuid.UUID, told: ReturnIn
    ) -> DispenseOut:
        """Something of what was handed over came back, or all of it. Records ``SupplyChanged``.

        Raises ``illegal_move`` unless the patient has it, ``conflict`` for more than that or without a
        quarantine, ``invalid`` for an item of another dispense.
        """

        async def work(uow: UnitOfWork) -> DispenseOut:
            prescription, lines, before, items = await self._locked(uow, dispense_id)
            command.check_version(before.version)
            part = before.return_part()  # raises unless the patient has it
            back = brought_back(items, told)
            after_items = [back.get(item.id, item) for item in items]
            whole = all(item.kept == 0 for item in after_items)
            move = DispenseMove.RETURN if whole else DispenseMove.RETURN_PART
            after = before.end(move, told.reason, principal.id, uow.now) if whole else part
            pairs = [(item, back[item.id]) for item in _by_medicine(items) if item.id in back]
            await self._take_back(uow, after, pairs, told)
            await dispenses.save(uow.connection, after)
            await self._keep(uow, prescription, lines, pairs)
            await self._record_supply(uow, prescription, after, items, after_items)
            _account(uow, move, prescription, after)
            return dispense_out(after, after_items)

        return await self._units.execute(principal, command, DispenseOut, work)

    async def _take_back(
        self, uow: UnitOfWork, dispense: Dispense, pairs: Sequence[BeforeAfter], told: ReturnIn
    ) -> None:
        """Write the returns, and book what goes to a shelf or a quarantine."""
        store = await goes_to(uow, dispense.store, told)
        returned = [
            Returned(
                uow.ids.new(),
                before.id,
                after.returned - before.returned,
                told.disposition,
                store,
                told.reason,
                uow.now,
                uow.principal.id,
            )
            for before, after in pairs
        ]
        await dispenses.add_returns(uow.connection, returned)
        if store is None:
            return
        for one, (item, _) in zip(returned, pairs, strict=True):
            lot = found(await stock_rows.lot(uow.connection, item.lot_id), "that lot")
            await book(uow, lot, store, LedgerKind.RETURN, one.quantity, one.id, reason=told.reason)

    @staticmethod
    async def _keep(
        uow: UnitOfWork, prescription: Prescription, lines: Sequence[Line], pairs: Sequence[BeforeAfter]
    ) -> None:
        """The prescription with what came back of its lines, which the database has summed."""
        more: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
        for before, after in pairs:
            more[after.line_id] += after.returned - before.returned
        kept = replace(prescription, version=prescription.version + 1)
        await prescriptions.save(uow.connection, kept)
        shown = tuple(replace(line, returned=line.returned + more[line.id]) for line in lines)
        uow.record(PrescriptionChanged(prescription, kept, shown, Cause.RETURNED))

    @staticmethod
    async def _record_supply(
        uow: UnitOfWork,
        prescription: Prescription,
        dispense: Dispense,
        before: Sequence[DispenseItem],
        after: Sequence[DispenseItem],
    ) -> None:
        """Tell what the patient had of each medicine for each line, and has now."""
        if dispense.handed_over_at is None:
            raise AssertionError("unreachable: only what was handed over is with a patient")
        known = await formulary.by_codes(uow.connection, {item.medicine for item in after})
        sums: dict[tuple[uuid.UUID, str], tuple[Decimal, Decimal]] = {}
        for had, has in zip(before, after, strict=True):
            key = has.line_id, has.medicine
            so_far = sums.get(key, (Decimal(0), Decimal(0)))
            sums[key] = so_far[0] + had.kept, so_far[1] + has.kept
        supplies = tuple(
            Supply(line_id, medicine, known[medicine].name, had, has)
            for (line_id, medicine), (had, has) in sums.items()
            if had != has
        )
        uow.record(
            SupplyChanged(
                dispense.id,
                prescription.patient_id,
                prescription.admission_id,
                dispense.handed_over_at,
                supplies,
            )
        )

    async def _locked(self, uow: UnitOfWork, dispense_id: uuid.UUID) -> Held:
        """A dispense, by the locks of its patient and its prescription; raises ``not_found``."""
        require(uow.principal, Permission.DISPENSE)
        prescription_id = found(await dispenses.prescription_of(uow.connection, dispense_id), "that dispense")
        patient_id = await prescriptions.patient_of(uow.connection, prescription_id)
        await self._patients.lock(uow, found(patient_id, "that prescription"))
        prescription, lines = await locked(uow, prescription_id)
        for made, items in await dispenses.of_prescription(uow.connection, prescription_id):
            if made.id == dispense_id:
                return prescription, lines, made, items
        raise AssertionError("unreachable: the dispense was found before")


def brought_back(items: Sequence[Brought], told: ReturnIn) -> dict[uuid.UUID, Brought]:
    """The items of which something came back, as they are then; raises ``invalid`` for another's."""
    if told.items is None:
        return {item.id: item.take_back(item.kept) for item in items if item.kept > 0}
    by_id = {item.id: item for item in items}
    for one in told.items:
        if one.item_id not in by_id:
            raise invalid("items", f"{one.item_id} is not one of these items")
    return {one.item_id: by_id[one.item_id].take_back(one.quantity) for one in told.items}


async def goes_to(uow: UnitOfWork, store: str, told: ReturnIn) -> str | None:
    """Where what came back to a store is kept; None if it is destroyed. Raises ``conflict``, ``invalid``."""
    match told.disposition:
        case Disposition.RESTOCK:
            return store
        case Disposition.DESTROY:
            return None
        case Disposition.QUARANTINE:
            if told.store is None:
                first = await formulary.first_quarantine(uow.connection)
                if first is None:
                    raise conflict("there is no quarantine: an administrator defines a store of that kind")
                return first.code
            named = found(await formulary.store(uow.connection, told.store), f"store {told.store}")
            if named.kind is not StoreKind.QUARANTINE:
                raise invalid("store", f"{named.code} is no quarantine")
            return named.code


def _by_medicine(items: Sequence[DispenseItem]) -> list[DispenseItem]:
    """In the order in which stock is locked."""
    return sorted(items, key=lambda one: (one.medicine, one.lot_id, one.id))


def _account(uow: UnitOfWork, move: DispenseMove, prescription: Prescription, dispense: Dispense) -> None:
    uow.audit(
        f"dispense.{move}",
        entity="dispense",
        entity_id=dispense.id,
        patient_id=prescription.patient_id,
    )


def dispense_out(made: Dispense, items: Sequence[DispenseItem]) -> DispenseOut:
    """A dispense with its items, as it is answered."""
    shown = [
        DispenseItemOut(
            id=item.id,
            line_id=item.line_id,
            lot_id=item.lot_id,
            medicine=item.medicine,
            quantity=item.quantity,
            reason=item.reason,
            returned=item.returned,
        )
        for item in items
    ]
    return DispenseOut(**asdict(made), items=shown)
