"""The context of an order: what the laboratory may know to judge a result, and no more of the record."""

import uuid
from dataclasses import replace

from hms_rt.departments.lab.model.order import LabOrder, OrderContext
from hms_rt.departments.lab.repository import contexts, labtests
from hms_rt.departments.lab.schemas.context import OrderContextOut
from hms_rt.departments.lab.schemas.ordering import LabOrderIn
from hms_rt.departments.lab.service.foundation import Foundation, found, require_at_or_own
from hms_rt.departments.patients.service import ContextKind, ContextRef
from hms_rt.departments.patients.service.order_context import Found
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.unit_of_work import UnitOfWork


class Contexts(Foundation):
    """Written with the order, read by itself."""

    async def order_context(
        self, principal: Principal, command: Command, order_id: uuid.UUID
    ) -> OrderContextOut:
        """The clinical question, codes of diagnoses, and listed fields of the current diagnoses, vitals and
        medication that were recorded during the order's visit or admission.

        Audited with the entries that were shown. Raises ``not_found``, ``forbidden``, and ``integrity`` for
        an altered document.
        """
        read: list[tuple[LabOrder, OrderContext, Found]] = []

        async def work(uow: UnitOfWork) -> None:
            require(principal, Permission.LAB_CONTEXT_READ)
            shown = await labtests.of_orders(uow.connection, [order_id])
            order = found(shown[0][0] if shown else None, "that order")
            require_at_or_own(principal, Permission.LAB_CONTEXT_READ, order)
            context = await contexts.of_order(uow.connection, order_id)
            entries = (
                await self._patients.of_encounter(uow, order.patient_id, context.encounter_id)
                if context.encounter_id is not None
                else []
            )
            uow.audit(
                "lab.context_read",
                entity="lab_order",
                entity_id=order_id,
                patient_id=order.patient_id,
                detail={"entries": [str(entry.id) for entry, _ in entries]},
            )
            read[:] = [(order, context, entries)]

        await self._units.execute(principal, replace(command, key=None), type(None), work)
        order, context, entries = read[0]
        return OrderContextOut(
            order_id=order_id,
            patient_id=order.patient_id,
            question=context.question,
            diagnoses=list(context.diagnoses),
            encounter=_encounter(context),
            entries=await self._patients.shown(entries),
        )

    async def _keep_context(self, uow: UnitOfWork, order: LabOrder, wanted: LabOrderIn) -> None:
        """Raises ``invalid`` for a visit or admission that is not the patient's."""
        encounter = wanted.encounter
        if encounter is not None:
            await self._patients.check_encounter(uow, order.patient_id, encounter)
        elif self._encounter_of is not None:
            encounter = await self._encounter_of(uow.connection, order.patient_id, order.clinic)
        kept = OrderContext(order.id, wanted.question, tuple(wanted.diagnoses))
        if encounter is not None:
            kept = replace(kept, encounter_kind=encounter.kind.value, encounter_id=encounter.id)
        await contexts.add(uow.connection, kept)


def _encounter(context: OrderContext) -> ContextRef | None:
    if context.encounter_kind is None or context.encounter_id is None:
        return None
    return ContextRef(kind=ContextKind(context.encounter_kind), id=context.encounter_id)
