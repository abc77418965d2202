"""A doctor who sees patients, and shortcuts along the way of an appointment."""

import uuid
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from hms_rt.departments.opd.schemas.appointments import (
    AppointmentIn,
    AppointmentOut,
    Arrived,
    ArriveIn,
    RescheduleIn,
)
from hms_rt.departments.opd.schemas.scheduling import ScheduleIn, ScheduleOut, SlotOut, SlotQuery
from hms_rt.kernel.principal import SYSTEM, Principal
from tests.conftest import command
from tests.opd.conftest import Opd

MONDAY = date(2026, 3, 2)
"""The day of all these tests."""


@dataclass
class Bookings:
    """Appointments in clinic GEN, booked by its reception unless told."""

    opd: Opd
    doctor: Principal

    async def schedule(self, clinic: str = "GEN", **said: Any) -> ScheduleOut:
        """Mondays and Tuesdays from ten to eleven, four slots of one patient."""
        wanted: dict[str, Any] = {
            "doctor_id": self.doctor.id,
            "weekdays": (1, 2),
            "starts": time(10),
            "ends": time(11),
            "slot_minutes": 15,
            "first_day": MONDAY,
            **said,
        }
        return await self.opd.service.define_schedule(SYSTEM, command(), clinic, ScheduleIn(**wanted))

    async def slots(self, clinic: str = "GEN", **query: Any) -> list[SlotOut]:
        page = await self.opd.service.slots(self.opd.reception, clinic, SlotQuery(**query))
        return page.items

    async def today(self) -> list[SlotOut]:
        return await self.slots(first_day=MONDAY, last_day=MONDAY)

    async def book(
        self, slot: SlotOut, patient: uuid.UUID | None = None, by: Principal | None = None, **said: Any
    ) -> AppointmentOut:
        body = AppointmentIn(slot_id=slot.id, patient_id=patient or await self.opd.patient(), **said)
        return await self.opd.service.book(by or self.opd.reception, command(), body)

    async def reschedule(self, booked: AppointmentOut, slot: SlotOut, **said: Any) -> AppointmentOut:
        body = RescheduleIn(slot_id=slot.id, reason="patient asked", **said)
        return await self.opd.service.reschedule(self.opd.reception, command(), booked.id, body)

    async def arrive(self, booked: AppointmentOut, **said: Any) -> Arrived:
        body = ArriveIn(**said)
        return await self.opd.service.arrive(self.opd.reception, command(), booked.id, body)
