"""Labels of what is dispensed, as PDF."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from hms_rt.departments.pharmacy import views
from hms_rt.departments.pharmacy.model.dispense import Dispense, DispenseItem, DispenseState
from hms_rt.departments.pharmacy.model.formulary import Medicine
from hms_rt.departments.pharmacy.model.prescription import Line, Prescription
from hms_rt.departments.pharmacy.model.stock import Lot
from hms_rt.departments.pharmacy.repository import dispenses, formulary, prescriptions
from hms_rt.departments.pharmacy.repository import stock as stock_rows
from hms_rt.departments.pharmacy.service.foundation import Foundation, found
from hms_rt.departments.pharmacy.views import labels
from hms_rt.departments.pharmacy.views.instructions import Taken
from hms_rt.departments.pharmacy.views.labels import Label
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

LIVE = frozenset({DispenseState.PREPARED, DispenseState.HANDED_OVER})


@dataclass(frozen=True, slots=True)
class _Read:
    """What the labels of one dispense are made of."""

    prescription: Prescription
    dispense: Dispense
    medicines: Mapping[str, Medicine]
    lots: Mapping[uuid.UUID, Lot]
    initials: str


class Labels(Foundation):
    """What is stuck on the packs, in the facility's language."""

    async def dispense_labels(
        self, principal: Principal, command: Command, dispense_id: uuid.UUID, copies: int
    ) -> bytes:
        """A PDF with a label for every line of a dispense, and for each medicine if a part is a substitute.

        A restricted patient has an MRN on it and no name. Audited. Raises ``not_found``, ``conflict`` for a
        dispense that was cancelled or returned.
        """
        made: list[Label] = []

        async def work(uow: UnitOfWork) -> None:
            require(principal, Permission.DISPENSE)
            patient_id, made[:] = await self._labels(uow, dispense_id)
            uow.audit(
                "dispense.labels_print",
                entity="dispense",
                entity_id=dispense_id,
                patient_id=patient_id,
                detail={"labels": len(made), "copies": copies},
            )

        await self._units.execute(principal, replace(command, key=None), type(None), work)
        repeated = [label for label in made for _ in range(copies)]
        language = self._facility.language
        return await asyncio.to_thread(labels.pdf, repeated, language=language, zone=self._zone)

    async def _labels(self, uow: UnitOfWork, dispense_id: uuid.UUID) -> tuple[uuid.UUID, list[Label]]:
        prescription_id = await dispenses.prescription_of(uow.connection, dispense_id)
        shown = await prescriptions.find(uow.connection, found(prescription_id, "that dispense"))
        prescription, lines = found(shown, "that dispense")
        listed = await dispenses.of_prescription(uow.connection, prescription.id)
        dispense, items = next(each for each in listed if each[0].id == dispense_id)
        if dispense.state not in LIVE:
            raise conflict(f"the dispense is {dispense.state.value}: there is nothing to label")
        by = dispense.handed_over_by or dispense.prepared_by
        names = await self._identity.names_of(uow.connection, {by})
        read = _Read(
            prescription,
            dispense,
            await formulary.by_codes(uow.connection, {item.medicine for item in items}),
            await stock_rows.lots(uow.connection, {item.lot_id for item in items}),
            labels.initials(names.get(by, "")),
        )
        parts: dict[tuple[uuid.UUID, str], list[DispenseItem]] = defaultdict(list)
        for item in items:
            if item.kept > 0:
                parts[item.line_id, item.medicine].append(item)
        return prescription.patient_id, [
            _label(read, line, read.medicines[medicine], some)
            for line in lines
            for (line_id, medicine), some in parts.items()
            if line_id == line.id
        ]


def _label(read: _Read, line: Line, medicine: Medicine, items: Sequence[DispenseItem]) -> Label:
    rx = read.prescription
    whose = {"patient_name": rx.patient_name, "mrn": rx.mrn, "restricted": rx.restricted}
    seen = views.staff("", whose)
    lots: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for item in items:
        lots[item.lot_id] += item.kept
    units, unit = medicine.units_for(line.dose), medicine.dispense_unit
    return Label(
        number=rx.number,
        patient=None if rx.restricted else seen["patient_name"],
        mrn=seen["mrn"],
        medicine=medicine,
        taken=Taken(line.route, units, unit, line.dose, line.dose_unit, line.frequency, line.duration_days),
        note=line.note,
        quantity=sum(lots.values(), Decimal(0)),
        lots=[(read.lots[lot_id].number, much) for lot_id, much in lots.items()],
        use_by=min(read.lots[lot_id].expires_on for lot_id in lots),
        dispensed_at=read.dispense.handed_over_at or read.dispense.prepared_at,
        initials=read.initials,
    )
