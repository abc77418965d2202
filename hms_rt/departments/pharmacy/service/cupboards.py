"""What a ward takes from its own cupboard, for a patient who lies there."""

from hms_rt.departments.pharmacy.model.store import StoreKind
from hms_rt.departments.pharmacy.repository import formulary, prescriptions
from hms_rt.departments.pharmacy.schemas.stock import CupboardIn, DispenseOut
from hms_rt.departments.pharmacy.service.dispensing import Dispensing
from hms_rt.departments.pharmacy.service.foundation import found, locked
from hms_rt.departments.pharmacy.service.returning import dispense_out
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_ward
from hms_rt.storage.unit_of_work import UnitOfWork


class Cupboards(Dispensing):
    """Nurses take what is prescribed, without the pharmacy: dispensed, charged and traced alike."""

    async def take_from_cupboard(
        self, principal: Principal, command: Command, code: str, wanted: CupboardIn
    ) -> DispenseOut:
        """Take from a ward's cupboard for a prescription of a patient there; it is handed over with that.

        Records ``SupplyChanged``. Raises ``not_found``, ``forbidden`` for another ward's nurses, ``conflict``
        for another ward's patient, and what :meth:`prepare` raises.
        """

        async def work(uow: UnitOfWork) -> DispenseOut:
            require(principal, Permission.STOCK_USE)
            store = found(await formulary.store(uow.connection, code), f"store {code}")
            if store.kind is not StoreKind.WARD or store.ward is None:
                raise conflict(f"{code} is not the cupboard of a ward: the pharmacy dispenses from it")
            require_ward(principal, Permission.STOCK_USE, store.ward)
            patient_id = await prescriptions.patient_of(uow.connection, wanted.prescription_id)
            await self._patients.lock(uow, found(patient_id, "that prescription"))
            prescription, lines = await locked(uow, wanted.prescription_id)
            if prescription.ward != store.ward or not prescription.given_on_ward:
                raise conflict(f"ward {store.ward} does not give that prescription")
            made, items = await self._take(uow, prescription, lines, wanted.lines, code)
            after = await self._hand_over(uow, prescription, lines, made, items, wanted.occurred_at)
            uow.audit(
                "dispense.from_cupboard",
                entity="dispense",
                entity_id=after.id,
                patient_id=prescription.patient_id,
            )
            return dispense_out(after, items)

        return await self._units.execute(principal, command, DispenseOut, work)
