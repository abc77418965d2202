"""Days in bed, charged when they are over: by a durable timer at the hospital's midnight, or when the patient
leaves. However late it is told, in the end exactly the right days are charged, each once."""

import uuid
from dataclasses import replace
from datetime import date, datetime, timedelta

from hms_rt.departments.billing.model.days import MOST_DAYS, ONE_DAY, charged_days, day_of, end_of
from hms_rt.departments.billing.model.tariff import ServiceKind
from hms_rt.departments.billing.projector.ledger import Deed, Ledger
from hms_rt.departments.billing.repository import charges, stays
from hms_rt.departments.billing.repository.stays import Stay
from hms_rt.storage.timers import cancel_timer, set_timer
from hms_rt.storage.unit_of_work import UnitOfWork

LATE = timedelta(minutes=10)
"""How long days that were over when they were told of wait for what is told next."""

TIMER = "billing.bed_day"
"""The kind of the timer; its key is the admission."""


class BedDays:
    """Follows stays; the patient is locked by whoever calls."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def arrived(
        self, uow: UnitOfWork, admission_id: uuid.UUID, patient_id: uuid.UUID, ward: str, at: datetime
    ) -> None:
        """A patient came into a bed, or is in one again since the departure was a mistake."""
        known = await stays.lock(uow.connection, admission_id)
        day = day_of(at, self._ledger.zone)
        stay = known or Stay(admission_id, patient_id, ward, day, day)
        await self._go_on(uow, replace(stay, ward=ward))

    async def moved(self, uow: UnitOfWork, admission_id: uuid.UUID, ward: str, at: datetime) -> None:
        """The days that were over before are the ward's before, the others the new one's."""
        stay = await stays.lock(uow.connection, admission_id)
        if stay is not None:
            day = day_of(at, self._ledger.zone)
            stay = await self._rewound(uow, stay, max(day, stay.arrived), "transferred earlier")
            stay = await self._charged(uow, stay, day)
            await self._go_on(uow, replace(stay, ward=ward))

    async def left(self, uow: UnitOfWork, admission_id: uuid.UUID, at: datetime) -> None:
        """The patient left: the day of departure costs nothing, unless it is that of arrival, too."""
        stay = await stays.lock(uow.connection, admission_id)
        if stay is None:
            return
        _, until = charged_days(stay.arrived, day_of(at, self._ledger.zone))
        stay = await self._rewound(uow, stay, until, "the patient left earlier")
        stay = await self._charged(uow, stay, until, at)
        await stays.save(uow.connection, replace(stay, ward=None))
        await cancel_timer(uow, TIMER, str(admission_id))

    async def never_came(self, uow: UnitOfWork, admission_id: uuid.UUID) -> None:
        """The patient never was in that bed: what was charged is taken back."""
        for charge in await charges.lock_days(uow.connection, admission_id):
            await self._ledger.reverse(uow, charge, "the admission was cancelled")
        await stays.remove(uow.connection, admission_id)
        await cancel_timer(uow, TIMER, str(admission_id))

    async def catch_up(self, uow: UnitOfWork, stay: Stay) -> None:
        """Charge the days that are over, keep the stay, and wait for the end of the next."""
        stay = await self._charged(uow, stay, day_of(uow.now, self._ledger.zone))
        await self._go_on(uow, stay)

    async def _go_on(self, uow: UnitOfWork, stay: Stay) -> None:
        """Keep the stay and wait for the end of its next day, or a while where that is over.

        Who is told late to have come is often told next to have left: days that nobody will owe are not
        charged meanwhile, nor is the patient locked for them while the ward writes on.
        """
        await stays.save(uow.connection, stay)
        due = max(end_of(stay.next_day, self._ledger.zone), uow.now + LATE)
        await set_timer(uow, TIMER, str(stay.admission_id), due)

    async def _charged(self, uow: UnitOfWork, stay: Stay, until: date, at: datetime | None = None) -> Stay:
        """The stay with its days before ``until`` charged, :data:`MOST_DAYS` at once."""
        last = min(until, stay.next_day + MOST_DAYS * ONE_DAY)
        while stay.next_day < last and stay.ward is not None:
            day, over = stay.next_day, end_of(stay.next_day, self._ledger.zone)
            deed = Deed(
                ServiceKind.BED_DAY,
                stay.ward,
                charges.day_cause(stay.admission_id, day),
                stay.patient_id,
                min(over, at or over),
                f"Bed, ward {stay.ward}",
                admission_id=stay.admission_id,
                on=day,
            )
            await self._ledger.charge(uow, deed)
            stay = replace(stay, next_day=day + ONE_DAY)
        return stay

    async def _rewound(self, uow: UnitOfWork, stay: Stay, day: date, why: str) -> Stay:
        """The stay with nothing charged from ``day`` on."""
        if stay.next_day <= day:
            return stay
        for charge in await charges.lock_days(uow.connection, stay.admission_id, day):
            await self._ledger.reverse(uow, charge, why)
        return replace(stay, next_day=day)
