"""Sending notifications, and what the room of a user shows."""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.notifications.model.wording import Wording
from hms_rt.departments.notifications.service import Kind, NotificationsService, Priority, Subject
from hms_rt.departments.notifications.views import user_stream
from hms_rt.kernel.principal import SYSTEM
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.conftest import command

SUBJECT = Subject("lab_test", "0190a000-0000-7000-8000-000000000001")

Tell = Callable[..., Awaitable[list[uuid.UUID]]]
Room = Callable[[uuid.UUID], Awaitable[Mapping[str, Any]]]


@pytest.fixture
def notifications(hospital: Hospital) -> NotificationsService:
    return hospital.services.notifications


@pytest.fixture
def tell(hospital: Hospital, notifications: NotificationsService) -> Tell:
    """``await tell(user, …, title="…")``: notify users in a transaction of its own."""

    async def send(
        *users: uuid.UUID,
        title: str | Wording = "Critical potassium",
        patient_id: uuid.UUID | None = None,
        priority: Priority = Priority.NORMAL,
        acknowledge_within: timedelta | None = None,
    ) -> list[uuid.UUID]:
        made: list[uuid.UUID] = []

        async def work(uow: UnitOfWork) -> None:
            made[:] = await notifications.notify(
                uow,
                users,
                Kind.CRITICAL_RESULT,
                title,
                SUBJECT,
                patient_id,
                priority,
                acknowledge_within=acknowledge_within,
            )

        await hospital.units.execute(SYSTEM, command(), type(None), work)
        return made

    return send


@pytest.fixture
def snapshot(hospital: Hospital, notifications: NotificationsService) -> Room:
    """What a fresh subscription to ``me`` shows."""

    async def read(user_id: uuid.UUID) -> Mapping[str, Any]:
        async with hospital.units.reading() as connection:
            return await notifications.room_state(connection, str(user_id))

    return read


@pytest.fixture
def replayed(hospital: Hospital) -> Room:
    """What an empty room and every change of its stream lead to."""

    async def read(user_id: uuid.UUID) -> Mapping[str, Any]:
        state: dict[str, Any] = {}
        async with hospital.units.reading() as connection:
            rows = await connection.execute(
                text("SELECT ops FROM change_log WHERE stream = :stream ORDER BY version"),
                {"stream": user_stream(user_id)},
            )
            for op in (op for row in rows for op in row.ops):
                if op["op"] == "put":
                    state[op["key"]] = op["value"]
                else:
                    state.pop(op["key"], None)
        return state

    return read
