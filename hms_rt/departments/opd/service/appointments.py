"""What becomes of appointments on their day, and reading them."""

import uuid
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.opd import views
from hms_rt.departments.opd.model.appointment import Appointment, AppointmentMove
from hms_rt.departments.opd.model.schedule import bounds
from hms_rt.departments.opd.repository import appointments, clinics
from hms_rt.departments.opd.repository.moves import move_appointment
from hms_rt.departments.opd.schemas.appointments import (
    AppointmentCursor,
    AppointmentHistory,
    AppointmentOut,
    AppointmentQuery,
    AppointmentStep,
    Arrived,
    ArriveIn,
)
from hms_rt.departments.opd.schemas.queue import Late
from hms_rt.departments.opd.service.booking import Booking, appointment_out
from hms_rt.departments.opd.service.foundation import token_out, treats
from hms_rt.departments.opd.service.issuing import Issuing
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.commands import Command, occurred
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import Page, cut, decode_cursor
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require, require_clinic
from hms_rt.security.permissions import clinics as clinics_in_reach
from hms_rt.storage.unit_of_work import UnitOfWork


class Appointments(Booking, Issuing):
    """The day of an appointment."""

    async def arrive(
        self, principal: Principal, command: Command, appointment_id: uuid.UUID, body: ArriveIn
    ) -> Arrived:
        """The patient is here, and gets a number of the clinic's queue in the category of the appointment,
        due at its time, and waits for its doctor. Raises ``illegal_move``, ``stale_version``, and
        ``conflict`` on another day."""

        async def work(uow: UnitOfWork) -> Arrived:
            require(principal, Permission.APPOINTMENT_MANAGE)
            seen = await self._seen(uow, appointment_id)
            patient = await self._patients.lock(uow, seen.patient_id)
            held = await self._held(uow, command, appointment_id)
            at = occurred(body.occurred_at, uow.now, after=held.since)
            token_id = uow.ids.new()
            after = held.moved(AppointmentMove.ARRIVE, at, token_id=token_id)
            if self._day(after.since) != held.day:
                raise conflict(f"the appointment is on {held.day}: reschedule it, or issue a token")
            token = await self._new(
                uow, held.clinic, held.category, body.priority, after.since, patient, held.starts_at
            )
            token = replace(token, id=token_id, doctor_id=held.doctor_id)
            await self._issued(uow, token)
            await move_appointment(uow, AppointmentMove.ARRIVE, held, after)
            _audit(uow, "appointment.arrive", held)
            return Arrived(
                **appointment_out(principal, after).model_dump(), token=token_out(principal, token)
            )

        return await self._units.execute(principal, command, Arrived, work)

    async def fulfil(
        self, principal: Principal, command: Command, appointment_id: uuid.UUID, body: Late
    ) -> AppointmentOut:
        """The patient was seen; happens by itself when the token is done or transferred."""
        return await self._came(principal, command, appointment_id, AppointmentMove.FULFIL, body)

    async def miss(
        self, principal: Principal, command: Command, appointment_id: uuid.UUID, body: Late
    ) -> AppointmentOut:
        """Nobody came; happens by itself when the day is over. Raises ``conflict`` before the time of the
        appointment."""
        return await self._came(principal, command, appointment_id, AppointmentMove.NO_SHOW, body)

    async def _came(
        self,
        principal: Principal,
        command: Command,
        appointment_id: uuid.UUID,
        move: AppointmentMove,
        body: Late,
    ) -> AppointmentOut:
        async def work(uow: UnitOfWork) -> AppointmentOut:
            require(principal, Permission.APPOINTMENT_MANAGE)
            await self._seen(uow, appointment_id)
            held = await self._held(uow, command, appointment_id)
            at = occurred(body.occurred_at, uow.now, after=held.since)
            after = held.moved(move, at)
            if move is AppointmentMove.NO_SHOW and after.since < held.starts_at:
                raise conflict("the time of the appointment has not come: cancel it instead")
            await move_appointment(uow, move, held, after)
            _audit(uow, f"appointment.{move}", held)
            return appointment_out(principal, after)

        return await self._units.execute(principal, command, AppointmentOut, work)

    # --- reading

    async def appointment(
        self, principal: Principal, command: Command, appointment_id: uuid.UUID
    ) -> AppointmentOut:
        """One appointment; audited. Raises ``not_found``, ``forbidden``."""

        async def work(uow: UnitOfWork) -> AppointmentOut:
            found = await _read(uow, appointment_id)
            _audit(uow, "appointment.read", found)
            return appointment_out(principal, found)

        return await self._units.execute(principal, replace(command, key=None), AppointmentOut, work)

    async def appointment_history(
        self, principal: Principal, command: Command, appointment_id: uuid.UUID
    ) -> AppointmentHistory:
        """How an appointment came to its time and state, through all its times; audited."""

        async def work(uow: UnitOfWork) -> AppointmentHistory:
            found = await _read(uow, appointment_id)
            _audit(uow, "appointment.read", found)
            names = AppointmentStep.model_fields
            return AppointmentHistory(
                items=[
                    AppointmentStep(**{name: getattr(row, name) for name in names})
                    for row in await appointments.history(uow.connection, appointment_id)
                ]
            )

        return await self._units.execute(principal, replace(command, key=None), AppointmentHistory, work)

    async def appointments(
        self, principal: Principal, command: Command, query: AppointmentQuery
    ) -> Page[AppointmentOut]:
        """Appointments by time, in the clinics that the caller may read; audited."""
        after = decode_cursor(query.cursor, AppointmentCursor) if query.cursor else None

        async def work(uow: UnitOfWork) -> Page[AppointmentOut]:
            require(principal, Permission.APPOINTMENT_READ)
            first = query.first_day or self._day(uow.now)
            rows = await appointments.page(
                uow.connection,
                clinics_in_reach(principal, Permission.APPOINTMENT_READ),
                clinic=query.clinic,
                doctor=query.doctor,
                patient=query.patient,
                since=bounds(first, first, self._zone)[0],
                until=bounds(query.last_day, query.last_day, self._zone)[1] if query.last_day else None,
                state=query.state,
                to_move=bool(query.to_move),
                after=(after.starts_at, after.id) if after else None,
                limit=query.limit + 1,
            )
            shown, following = cut(
                rows, query.limit, lambda row: AppointmentCursor(starts_at=row.starts_at, id=row.id)
            )
            uow.audit(
                "appointments.read",
                entity="appointment",
                entity_id=query.clinic or "list",
                patient_id=query.patient,
                detail={"appointments": [str(row.id) for row in shown]},
            )
            return Page[AppointmentOut](
                items=[appointment_out(principal, row) for row in shown], next_cursor=following
            )

        return await self._units.execute(principal, replace(command, key=None), Page[AppointmentOut], work)

    # --- rooms

    @staticmethod
    def day_audience(principal: Principal, clinic: str) -> Audience:
        """Which view of a clinic's appointments ``principal`` gets; raises ``forbidden`` for none."""
        require_clinic(principal, Permission.APPOINTMENT_READ, clinic)
        return Audience.CLINICAL if treats(principal, clinic) else Audience.STAFF

    @staticmethod
    async def day_state(connection: AsyncConnection, code: str) -> dict[str, dict[str, object]] | None:
        """The state of stream ``opd/day:<code>``: what is booked and who has arrived on the day that the
        clinic is in; None if there is no such clinic."""
        found = await clinics.clinics(connection, code)
        if not found:
            return None
        row = found[0]
        state = {views.CLINIC_KEY: views.clinic_value(row.code, row.name, row.day)}
        for held in await appointments.of_day(connection, code, row.day):
            state[views.appointment_key(held.id)] = views.appointment_value(held)
        return state


async def _read(uow: UnitOfWork, appointment_id: uuid.UUID) -> Appointment:
    require(uow.principal, Permission.APPOINTMENT_READ)
    found = await appointments.find(uow.connection, appointment_id)
    if found is None:
        raise not_found("that appointment")
    require_clinic(uow.principal, Permission.APPOINTMENT_READ, found.clinic)
    return found


def _audit(uow: UnitOfWork, action: str, held: Appointment) -> None:
    uow.audit(action, entity="appointment", entity_id=held.id, patient_id=held.patient_id)
