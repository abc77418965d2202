"""Charges what other departments do, when they say that they did it; and shows what is to be paid where."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from hms_rt.departments.billing.events import InvoiceChanged, ShiftChanged
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.projector.bed_days import BedDays
from hms_rt.departments.billing.projector.counters import invoice_changed, shift_changed
from hms_rt.departments.billing.projector.ledger import Deed, Ledger
from hms_rt.departments.billing.repository import charges, stays
from hms_rt.departments.ipd.events import AdmissionChanged, StayMoved
from hms_rt.departments.lab.events import LabChange, LabTestsChanged
from hms_rt.departments.opd.events import TokenMoved, VisitClosed
from hms_rt.departments.pharmacy.events import SupplyChanged
from hms_rt.kernel.changes import Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

IN_BED = ("admitted", "discharge_ordered")


class Charging:
    """The listeners.

    A consultation is charged when it is over, a test when its result is released: only then the hospital has
    delivered something. A specimen may be rejected and an order cancelled until then, and a released result
    is never taken back, only corrected; so neither needs a reversal. A medicine is charged as it is
    handed over and reversed as it is brought back, a bed charged by the midnights.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._ledger = Ledger(zone)
        self._days = BedDays(self._ledger)

    async def token_moved(self, uow: UnitOfWork, event: TokenMoved) -> None:
        """A consultation is over; once for a clinic and number, though the patient may come back to it."""
        if event.before != "serving" or event.after not in ("done", "transferred"):
            return
        if event.patient_id is not None:
            deed = Deed(
                ServiceKind.CONSULTATION,
                event.clinic,
                f"{event.clinic}/{event.journey}",
                event.patient_id,
                uow.now,
                f"Consultation, clinic {event.clinic}",
            )
            await self._ledger.charge(uow, deed)

    async def visit_closed(self, uow: UnitOfWork, event: VisitClosed) -> None:
        """A consultation is over that had no number, or whose number is not done; once with its number's.

        What was charged of it and taken back by hand stays so.
        """
        cause = f"{event.clinic}/{event.journey or event.visit_id}"
        if await charges.known(uow.connection, event.patient_id, ServiceKind.CONSULTATION, cause):
            return
        deed = Deed(
            ServiceKind.CONSULTATION,
            event.clinic,
            cause,
            event.patient_id,
            event.at,
            f"Consultation, clinic {event.clinic}",
        )
        await self._ledger.charge(uow, deed)

    async def tests_changed(self, uow: UnitOfWork, event: LabTestsChanged) -> None:
        """Results were released."""
        for change in event.changes:
            if change.after.state == "released" and change.before and change.before.state != "released":
                await self._tested(uow, change)

    async def _tested(self, uow: UnitOfWork, change: LabChange) -> None:
        """A panel is charged once, with its first result."""
        order, test = change.order, change.after
        inpatient = order.ward is not None
        deed = Deed(
            ServiceKind.TEST,
            test.panel or test.code,
            f"{order.id}/{test.panel}" if test.panel else str(test.id),
            order.patient_id,
            test.released_at or uow.now,
            f"Panel {test.panel}" if test.panel else test.name,
            admission_id=await stays.open_admission(uow.connection, order.patient_id) if inpatient else None,
        )
        await self._ledger.charge(uow, deed)

    async def supply_changed(self, uow: UnitOfWork, event: SupplyChanged) -> None:
        """What is charged of a dispense is what the patient keeps of it, at the price of that day.

        What somebody took back by hand stays so: nothing is charged anew when a part of it is returned.
        """
        for supply in event.supplies:
            cause = f"{supply.line_id}/{event.dispense_id}/{supply.medicine}"
            held = await charges.lock_of_cause(uow.connection, ServiceKind.MEDICINE, cause)
            if held is not None and held.quantity != supply.after:
                await self._ledger.reverse(uow, held, "returned")
            elif held is not None or supply.before > 0:
                continue
            if supply.after > 0:
                deed = Deed(
                    ServiceKind.MEDICINE,
                    supply.medicine,
                    cause,
                    event.patient_id,
                    event.at,
                    supply.name,
                    quantity=supply.after,
                    admission_id=event.admission_id,
                )
                await self._ledger.charge(uow, deed)

    async def stay_moved(self, uow: UnitOfWork, event: StayMoved) -> None:
        """Days in bed follow the patient."""
        if event.to_ward is None:
            await self._days.left(uow, event.admission_id, event.at)
        elif event.from_ward is None:
            await self._days.arrived(uow, event.admission_id, event.patient_id, event.to_ward, event.at)
        elif event.from_ward != event.to_ward:
            await self._days.moved(uow, event.admission_id, event.to_ward, event.at)

    async def admission_changed(self, uow: UnitOfWork, event: AdmissionChanged) -> None:
        """An admission that was cancelled after all never cost a day."""
        if event.before in IN_BED and event.after in ("requested", "accepted", "cancelled"):
            await self._days.never_came(uow, event.admission_id)


def projectors(zone: ZoneInfo) -> Mapping[type[Event], Sequence[Projector]]:
    """What billing does on which event; days are those of ``zone``."""
    charging = Charging(zone)
    return {
        TokenMoved: (charging.token_moved,),
        VisitClosed: (charging.visit_closed,),
        LabTestsChanged: (charging.tests_changed,),
        SupplyChanged: (charging.supply_changed,),
        InvoiceChanged: (invoice_changed,),
        ShiftChanged: (shift_changed,),
        StayMoved: (charging.stay_moved,),
        AdmissionChanged: (charging.admission_changed,),
    }
