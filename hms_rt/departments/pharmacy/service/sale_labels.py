"""Labels of what is sold over the counter, as PDF."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from hms_rt.departments.patients.service import PatientBrief
from hms_rt.departments.pharmacy.model.formulary import Medicine
from hms_rt.departments.pharmacy.model.sale import Sale, SaleItem
from hms_rt.departments.pharmacy.model.stock import Lot
from hms_rt.departments.pharmacy.repository import formulary, sales
from hms_rt.departments.pharmacy.repository import stock as stock_rows
from hms_rt.departments.pharmacy.service.counter import CounterFoundation
from hms_rt.departments.pharmacy.views import labels
from hms_rt.departments.pharmacy.views.labels import Label
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.storage.unit_of_work import UnitOfWork

SERIES = "OTC"
"""What the bars of these labels begin with."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What the labels of one sale are made of."""

    sale: Sale
    patient: PatientBrief
    lots: Mapping[uuid.UUID, Lot]
    initials: str


class SaleLabels(CounterFoundation):
    """One for each medicine; those of a dispense are the dispense's."""

    async def sale_labels(
        self, principal: Principal, command: Command, sale_id: uuid.UUID, copies: int
    ) -> bytes:
        """A PDF with a label for every medicine that the customer has of a sale over the counter; audited.

        A restricted patient has an MRN on it and no name. Raises ``not_found``, ``forbidden``, ``conflict``
        where nothing is to be labelled.
        """
        made: list[Label] = []

        async def work(uow: UnitOfWork) -> None:
            sale = await self._sale(uow, sale_id)
            made[:] = await self._of_sale(uow, sale)
            uow.audit(
                "sale.labels_print",
                entity="sale",
                entity_id=sale_id,
                patient_id=sale.patient_id,
                detail={"labels": len(made), "copies": copies},
            )

        await self._units.execute(principal, replace(command, key=None), type(None), work)
        repeated = [label for label in made for _ in range(copies)]
        language = self._facility.language
        return await asyncio.to_thread(labels.pdf, repeated, language=language, zone=self._zone)

    async def _of_sale(self, uow: UnitOfWork, sale: Sale) -> list[Label]:
        if sale.dispense_id is not None:
            raise conflict("it is a dispense: print the labels of that")
        items = [item for item in await sales.items(uow.connection, sale.id) if item.kept > 0]
        if not items:
            raise conflict("all of it came back: there is nothing to label")
        by = (await self._identity.names_of(uow.connection, {sale.sold_by})).get(sale.sold_by, "")
        read = _Read(
            sale,
            (await self._patients.brief(uow, [sale.patient_id]))[sale.patient_id],
            await stock_rows.lots(uow.connection, {item.lot_id for item in items}),
            labels.initials(by),
        )
        known = await formulary.by_codes(uow.connection, {item.medicine for item in items})
        parts: dict[str, list[SaleItem]] = defaultdict(list)
        for item in items:
            parts[item.medicine].append(item)
        return [_label(read, known[code], some) for code, some in sorted(parts.items())]


def _label(read: _Read, medicine: Medicine, items: list[SaleItem]) -> Label:
    lots: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for item in items:
        lots[item.lot_id] += item.kept
    return Label(
        number=read.sale.number,
        patient=None if read.patient.restricted else read.patient.name,
        mrn=read.patient.mrn,
        medicine=medicine,
        taken=None,
        note=items[0].directions,
        quantity=sum(lots.values(), Decimal(0)),
        lots=[(read.lots[lot_id].number, much) for lot_id, much in lots.items()],
        use_by=min(read.lots[lot_id].expires_on for lot_id in lots),
        dispensed_at=read.sale.sold_at,
        initials=read.initials,
        series=SERIES,
    )
