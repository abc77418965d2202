"""Appointments: booked into a slot, moved to another one, cancelled."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.opd import views
from hms_rt.departments.opd.events import AppointmentChanged
from hms_rt.departments.opd.model.appointment import Appointment, AppointmentMove, AppointmentState
from hms_rt.departments.opd.repository import appointments, slots
from hms_rt.departments.opd.repository.moves import move_appointment
from hms_rt.departments.opd.schemas.appointments import (
    AppointmentCancel,
    AppointmentIn,
    AppointmentOut,
    RescheduleIn,
)
from hms_rt.departments.opd.service.clinics import find_clinic
from hms_rt.departments.opd.service.foundation import Foundation, treats
from hms_rt.departments.opd.service.issuing import category_of
from hms_rt.kernel.changes import Cause
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_clinic
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork

_TWICE = "opd_appointment_patient_slot_key"
_FULL = "opd_slot_capacity_check"


class Booking(Foundation):
    """Places in slots. Locks: patient, slots by id, appointment. The database counts the places itself and
    refuses one too many, whatever a service believed."""

    async def book(self, principal: Principal, command: Command, body: AppointmentIn) -> AppointmentOut:
        """Book a patient into a slot.

        Raises ``not_found`` for slot or patient, ``conflict`` when the slot is full, blocked or over, or has
        the patient already, ``invalid`` for the category, ``forbidden`` to overbook without the authority.
        """

        async def work(uow: UnitOfWork) -> AppointmentOut:
            require(principal, Permission.APPOINTMENT_MANAGE)
            patient = await self._patients.living(uow, body.patient_id)
            slot = (await self._slots(uow, body.slot_id))[body.slot_id]
            clinic = await find_clinic(uow.connection, slot.clinic_code)
            booked = Appointment(
                id=uow.ids.new(),
                **_place(uow, slot, overbook=body.overbook),
                patient_id=patient.id,
                patient_name=patient.name,
                mrn=patient.mrn,
                restricted=patient.restricted,
                category=category_of(clinic, body.category),
                note=body.note,
                state=AppointmentState.BOOKED,
                since=occurred(body.occurred_at, uow.now),
                recorded_at=uow.now,
            )
            await _insert(uow, booked)
            _audit(uow, "appointment.book", booked, {"slot": str(slot.id), "overbooked": booked.overbooked})
            return appointment_out(principal, booked)

        return await self._units.execute(principal, command, AppointmentOut, work)

    async def reschedule(
        self, principal: Principal, command: Command, appointment_id: uuid.UUID, body: RescheduleIn
    ) -> AppointmentOut:
        """Give an appointment another time, in whatever clinic; the answer is the one that continues it. The
        old one keeps its history and frees its place. Raises as :meth:`book`, and ``illegal_move``."""

        async def work(uow: UnitOfWork) -> AppointmentOut:
            require(principal, Permission.APPOINTMENT_MANAGE)
            seen = await self._seen(uow, appointment_id)
            patient = await self._patients.lock(uow, seen.patient_id)
            slot = (await self._slots(uow, body.slot_id, seen.slot_id))[body.slot_id]
            held = await self._held(uow, command, appointment_id)
            at = occurred(body.occurred_at, uow.now, after=held.since)
            before = held.moved(AppointmentMove.RESCHEDULE, at, reason=body.reason)
            clinic = await find_clinic(uow.connection, slot.clinic_code)
            letters = {category.letter for category in clinic.categories}
            onward = Appointment(
                id=uow.ids.new(),
                **_place(uow, slot, overbook=body.overbook),
                patient_id=patient.id,
                patient_name=patient.name,
                mrn=patient.mrn,
                restricted=patient.restricted,
                category=category_of(clinic, held.category if held.category in letters else None),
                note=held.note,
                state=AppointmentState.BOOKED,
                since=before.since,
                recorded_at=uow.now,
                rescheduled_from=held.id,
            )
            await move_appointment(uow, AppointmentMove.RESCHEDULE, held, before)
            await _insert(uow, onward)
            _audit(uow, "appointment.reschedule", held, {"onward": str(onward.id), "reason": body.reason})
            return appointment_out(principal, onward)

        return await self._units.execute(principal, command, AppointmentOut, work)

    async def cancel_appointment(
        self, principal: Principal, command: Command, appointment_id: uuid.UUID, body: AppointmentCancel
    ) -> AppointmentOut:
        """Nobody will come; the place is free again. Raises ``not_found``, ``illegal_move``,
        ``stale_version``."""

        async def work(uow: UnitOfWork) -> AppointmentOut:
            require(principal, Permission.APPOINTMENT_MANAGE)
            seen = await self._seen(uow, appointment_id)
            await slots.lock(uow.connection, [seen.slot_id])
            held = await self._held(uow, command, appointment_id)
            at = occurred(body.occurred_at, uow.now, after=held.since)
            after = held.moved(AppointmentMove.CANCEL, at, reason=body.reason)
            await move_appointment(uow, AppointmentMove.CANCEL, held, after)
            _audit(uow, "appointment.cancel", held, {"reason": body.reason})
            return appointment_out(principal, after)

        return await self._units.execute(principal, command, AppointmentOut, work)

    async def _seen(self, uow: UnitOfWork, appointment_id: uuid.UUID) -> Appointment:
        """To know what else is to be locked first."""
        seen = await appointments.find(uow.connection, appointment_id)
        if seen is None:
            raise not_found("that appointment")
        require_clinic(uow.principal, Permission.APPOINTMENT_MANAGE, seen.clinic)
        return seen

    async def _held(self, uow: UnitOfWork, command: Command, appointment_id: uuid.UUID) -> Appointment:
        held = await appointments.lock(uow.connection, appointment_id)
        if held is None:
            raise not_found("that appointment")
        command.check_version(held.version)
        return held

    async def _slots(
        self, uow: UnitOfWork, wanted: uuid.UUID, *others: uuid.UUID
    ) -> dict[uuid.UUID, Row[Any]]:
        """Lock the wanted slot and others; raises ``not_found`` and ``forbidden`` for the wanted one."""
        locked = await slots.lock(uow.connection, {wanted, *others})
        if wanted not in locked:
            raise not_found("that slot")
        require_clinic(uow.principal, Permission.APPOINTMENT_MANAGE, locked[wanted].clinic_code)
        return locked


def _place(uow: UnitOfWork, slot: Row[Any], *, overbook: bool) -> dict[str, Any]:
    """What an appointment takes over from its locked slot; raises ``conflict`` where there is no place."""
    _check_open(slot, uow.now)
    full = slot.booked >= slot.capacity
    if overbook:
        require_clinic(uow.principal, Permission.APPOINTMENT_OVERBOOK, slot.clinic_code)
    if full and not overbook:
        raise _no_place("a doctor of the clinic or an administrator may overbook it")
    if slot.booked >= slot.capacity + slot.overbook:
        raise _no_place("it cannot be overbooked any further")
    return {
        "slot_id": slot.id,
        "clinic": slot.clinic_code,
        "doctor_id": slot.doctor_id,
        "day": slot.day,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "overbooked": full,
    }


def _check_open(slot: Row[Any], now: datetime) -> None:
    blocked = slot.withdrawn or slot.absence
    if blocked:
        raise conflict(f"nobody is seen in that slot ({blocked}): choose another one")
    if slot.ends_at <= now:
        raise conflict("that slot is over: choose another one, or issue a token to a walk-in")


def _no_place(way_out: str) -> Exception:
    return conflict(f"that slot is full: choose another one; {way_out}")


async def _insert(uow: UnitOfWork, booked: Appointment) -> None:
    try:
        await appointments.insert(uow.connection, booked)
    except IntegrityError as error:
        if violated(error) == _TWICE:
            raise conflict("the patient is booked into that slot already") from error
        if violated(error) == _FULL:
            raise _no_place("or try again") from error
        raise
    await appointments.remember(uow.connection, None, booked, None, uow.principal.id, uow.now)
    uow.record(AppointmentChanged.of(booked, Cause.BOOKED))


def appointment_out(principal: Principal, appointment: Appointment) -> AppointmentOut:
    """An appointment as ``principal`` may see it."""
    value = {name: getattr(appointment, name) for name in AppointmentOut.model_fields}
    there = treats(principal, appointment.clinic)
    return AppointmentOut(**(value if there else views.day_staff("", value)))


def _audit(uow: UnitOfWork, action: str, held: Appointment, detail: dict[str, Any]) -> None:
    uow.audit(action, entity="appointment", entity_id=held.id, patient_id=held.patient_id, detail=detail)
