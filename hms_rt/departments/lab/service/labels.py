"""Labels of specimens, as PDF."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

from hms_rt.departments.lab.model.labtest import LabTest
from hms_rt.departments.lab.model.order import LabOrder
from hms_rt.departments.lab.model.specimen import Specimen, SpecimenState
from hms_rt.departments.lab.repository import labtests, specimens
from hms_rt.departments.lab.service.foundation import Foundation, found, require_at
from hms_rt.departments.lab.views import labels
from hms_rt.departments.lab.views.labels import Label
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork

Which = Callable[[UnitOfWork], Awaitable[tuple[uuid.UUID, uuid.UUID | None]]]
"""Finds the order, and the one specimen of it that is meant (None: all)."""


class Labels(Foundation):
    """What is stuck on tubes: by those who collect specimens, in the facility's language."""

    async def order_labels(
        self, principal: Principal, command: Command, order_id: uuid.UUID, copies: int
    ) -> bytes:
        """A PDF with a label for every specimen of an order that was not rejected, each ``copies`` times.

        Audited. Raises ``not_found``, ``forbidden``, ``conflict`` if no specimen was taken yet.
        """

        async def which(uow: UnitOfWork) -> tuple[uuid.UUID, uuid.UUID | None]:
            return order_id, None

        return await self._print(principal, command, which, copies)

    async def specimen_label(
        self, principal: Principal, command: Command, specimen_id: uuid.UUID, copies: int
    ) -> bytes:
        """A PDF with the label of one specimen, ``copies`` times; audited, raises alike."""

        async def which(uow: UnitOfWork) -> tuple[uuid.UUID, uuid.UUID | None]:
            specimen = found(await specimens.by_id(uow.connection, specimen_id), "that specimen")
            return specimen.order_id, specimen_id

        return await self._print(principal, command, which, copies)

    async def _print(self, principal: Principal, command: Command, which: Which, copies: int) -> bytes:
        """Read and account for what is printed, then draw it off the event loop."""
        made: list[Label] = []

        async def work(uow: UnitOfWork) -> None:
            require(principal, Permission.SPECIMEN_COLLECT)
            order_id, only = await which(uow)
            shown = await labtests.of_orders(uow.connection, [order_id])
            order = found(shown[0][0] if shown else None, "that order")
            require_at(principal, Permission.SPECIMEN_COLLECT, order)
            taken = [
                one
                for one in await specimens.of_order(uow.connection, order_id)
                if one.state is not SpecimenState.REJECTED and only in (None, one.id)
            ]
            if not taken:
                raise conflict("no specimen to label: collect it first, or again if it was rejected")
            tests = [test for _, test in shown]
            made[:] = [await self._label(uow, order, one, tests) for one in taken]
            uow.audit(
                "lab.labels_print",
                entity="lab_order",
                entity_id=order.id,
                patient_id=order.patient_id,
                detail={"barcodes": [one.barcode for one in taken], "copies": copies},
            )

        await self._units.execute(principal, replace(command, key=None), type(None), work)
        repeated = [label for label in made for _ in range(copies)]
        return await asyncio.to_thread(labels.pdf, repeated, language=self._language, zone=self._zone)

    async def _label(
        self, uow: UnitOfWork, order: LabOrder, specimen: Specimen, tests: list[LabTest]
    ) -> Label:
        patient = (await self._patients.brief(uow, [order.patient_id])).get(order.patient_id)
        return Label(
            barcode=specimen.barcode,
            kind=specimen.kind,
            patient_name=order.patient_name,
            mrn=order.mrn,
            birth_date=patient.birth_date if patient is not None else None,
            tests=[test.code for test in tests if test.specimen_id == specimen.id],
            priority=order.priority,
            taken_at=specimen.collected_at,
        )
