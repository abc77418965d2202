"""REST of outpatients."""

import uuid
from collections.abc import Awaitable, Callable

from hms_rt.departments.opd.schemas.queue import (
    CallIn,
    CancelIn,
    ClinicIn,
    ClinicOut,
    CounterIn,
    CounterOut,
    DayEndIn,
    DayEndOut,
    DayOut,
    HistoryOut,
    Late,
    NextIn,
    QueueOut,
    QueueQuery,
    TokenIn,
    TokenOut,
    TokenQuery,
    TokenWithWait,
    TransferIn,
)
from hms_rt.departments.opd.service import OpdService
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("opd", "Outpatients: clinics and counters, queues, tokens")


@routes.get(
    "/clinics",
    query=PageQuery,
    answer=Page[ClinicOut],
    permission=Permission.PLACES_READ,
    summary="All clinics, with counters",
)
async def list_clinics(call: Call[None, PageQuery]) -> Page[ClinicOut]:
    """Clinics by code."""
    return await call.services.opd.clinics(call.principal, call.query)


@routes.post(
    "/clinics",
    body=ClinicIn,
    answer=ClinicOut,
    status=201,
    location="/clinics/{code}",
    permission=Permission.CLINIC_DEFINE,
    command="opd.define_clinic",
    summary="Define a clinic",
)
async def define_clinic(call: Call[ClinicIn, None]) -> ClinicOut:
    """A clinic and the letters of its token labels."""
    return await call.services.opd.define_clinic(call.principal, call.command, call.body)


@routes.get(
    "/clinics/{code}",
    answer=ClinicOut,
    permission=Permission.PLACES_READ,
    summary="One clinic, with counters",
)
async def get_clinic(call: Call[None, None]) -> ClinicOut:
    """Name, letters and counters of a clinic, and the day that its queue is in."""
    return await call.services.opd.clinic(call.principal, call.path_code("code"))


@routes.post(
    "/clinics/{code}/counters",
    body=CounterIn,
    answer=CounterOut,
    status=201,
    permission=Permission.CLINIC_DEFINE,
    command="opd.define_counter",
    summary="Define a counter",
)
async def define_counter(call: Call[CounterIn, None]) -> CounterOut:
    """A counter of the clinic; its code is unique in the whole hospital."""
    clinic = call.path_code("code")
    return await call.services.opd.define_counter(call.principal, call.command, clinic, call.body)


@routes.post(
    "/counters/{code}/open",
    answer=CounterOut,
    versioned=True,
    permission=Permission.TOKEN_CALL,
    command="opd.open_counter",
    summary="Open a counter",
)
async def open_counter(call: Call[None, None]) -> CounterOut:
    """Patients can be called to it from now on."""
    return await call.services.opd.open_counter(call.principal, call.command, call.path_code("code"))


@routes.post(
    "/counters/{code}/close",
    answer=CounterOut,
    versioned=True,
    permission=Permission.TOKEN_CALL,
    command="opd.close_counter",
    summary="Close a counter",
)
async def close_counter(call: Call[None, None]) -> CounterOut:
    """Refused while a patient is called to it or served there."""
    return await call.services.opd.close_counter(call.principal, call.command, call.path_code("code"))


@routes.get(
    "/clinics/{code}/queue",
    query=QueueQuery,
    answer=QueueOut,
    permission=Permission.QUEUE_READ,
    summary="The queue of a clinic",
)
async def get_queue(call: Call[None, QueueQuery]) -> QueueOut:
    """Everybody who is not finished, in the order of being called; of one day if that is asked for."""
    return await call.services.opd.queue(call.principal, call.command, call.path_code("code"), call.query)


@routes.get(
    "/clinics/{code}/days/{day:date}",
    answer=DayOut,
    permission=Permission.QUEUE_READ,
    summary="The queue of a day in sum",
)
async def get_day(call: Call[None, None]) -> DayOut:
    """Tokens by state, and the last number given."""
    return await call.services.opd.day(call.principal, call.path_code("code"), call.path_date("day"))


@routes.get(
    "/clinics/{code}/tokens",
    query=TokenQuery,
    answer=Page[TokenOut],
    permission=Permission.QUEUE_READ,
    summary="Tokens of a day",
)
async def list_tokens(call: Call[None, TokenQuery]) -> Page[TokenOut]:
    """Tokens by number, finished ones too; of the clinic's day unless another one is asked for."""
    return await call.services.opd.tokens(call.principal, call.command, call.path_code("code"), call.query)


@routes.post(
    "/clinics/{code}/tokens",
    body=TokenIn,
    answer=TokenOut,
    status=201,
    location="/tokens/{id}",
    versioned=True,
    permission=Permission.TOKEN_ISSUE,
    command="opd.issue",
    summary="Issue a token",
)
async def issue_token(call: Call[TokenIn, None]) -> TokenOut:
    """The next number of the day, for a patient or for nobody in particular."""
    return await call.services.opd.issue(call.principal, call.command, call.path_code("code"), call.body)


@routes.post(
    "/clinics/{code}/call-next",
    body=NextIn,
    answer=TokenOut,
    versioned=True,
    permission=Permission.TOKEN_CALL,
    command="opd.call_next",
    summary="Call the next patient",
)
async def call_next(call: Call[NextIn, None]) -> TokenOut:
    """Emergencies first, then urgent ones, then by when they joined; 409 when nobody waits."""
    return await call.services.opd.call_next(call.principal, call.command, call.path_code("code"), call.body)


@routes.post(
    "/clinics/{code}/day-end",
    body=DayEndIn,
    answer=DayEndOut,
    permission=Permission.DAY_END,
    command="opd.day_end",
    summary="End the day of a queue",
)
async def end_day(call: Call[DayEndIn, None]) -> DayEndOut:
    """Closes what is left, with the reason."""
    return await call.services.opd.day_end(call.principal, call.command, call.path_code("code"), call.body)


@routes.get(
    "/tokens/{id}",
    answer=TokenWithWait,
    permission=Permission.QUEUE_READ,
    summary="One token, with its estimated wait",
)
async def get_token(call: Call[None, None]) -> TokenWithWait:
    """The wait is estimated from the clinic's last services; no ETag, for it changes with the queue."""
    return await call.services.opd.token(call.principal, call.command, call.path_uuid("id"))


@routes.get(
    "/tokens/{id}/history",
    answer=HistoryOut,
    permission=Permission.QUEUE_READ,
    summary="How a token came to its state",
)
async def get_history(call: Call[None, None]) -> HistoryOut:
    """Every change of state, oldest first."""
    return await call.services.opd.history(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/tokens/{id}/call",
    body=CallIn,
    answer=TokenOut,
    versioned=True,
    permission=Permission.TOKEN_CALL,
    command="opd.call",
    summary="Call this token",
)
async def call_token(call: Call[CallIn, None]) -> TokenOut:
    """To a counter, whatever its place in line."""
    return await call.services.opd.call(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/tokens/{id}/transfer",
    body=TransferIn,
    answer=TokenOut,
    versioned=True,
    permission=Permission.TOKEN_TRANSFER,
    command="opd.transfer",
    summary="Transfer a patient to another clinic",
)
async def transfer_token(call: Call[TransferIn, None]) -> TokenOut:
    """Answers the token that continues it there, with the same number and label."""
    return await call.services.opd.transfer(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/tokens/{id}/cancel",
    body=CancelIn,
    answer=TokenOut,
    versioned=True,
    permission=Permission.TOKEN_CANCEL,
    command="opd.cancel",
    summary="Cancel a token",
)
async def cancel_token(call: Call[CancelIn, None]) -> TokenOut:
    """One that waits or is on hold; the number is not given again."""
    return await call.services.opd.cancel(call.principal, call.command, call.path_uuid("id"), call.body)


MoveMethod = Callable[[OpdService, Principal, Command, uuid.UUID, Late], Awaitable[TokenOut]]

PLAIN_MOVES: tuple[tuple[str, MoveMethod, str, Permission], ...] = (
    ("recall", OpdService.recall, "Take a call back", Permission.TOKEN_CALL),
    ("serve", OpdService.serve, "Serve the called patient", Permission.TOKEN_SERVE),
    ("hold", OpdService.hold, "Put a token on hold", Permission.TOKEN_HOLD),
    ("resume", OpdService.resume, "Resume a token on hold", Permission.TOKEN_HOLD),
    ("no-show", OpdService.no_show, "The called patient did not come", Permission.TOKEN_NO_SHOW),
    ("requeue", OpdService.requeue, "Let a patient wait again", Permission.TOKEN_CALL),
    ("done", OpdService.done, "Finish a service", Permission.TOKEN_FINISH),
)
"""Moves that need nothing but the token: path, service method, summary, permission."""


def _declare(path: str, method: MoveMethod, summary: str, permission: Permission) -> None:
    async def move(call: Call[Late, None]) -> TokenOut:
        token_id = call.path_uuid("id")
        return await method(call.services.opd, call.principal, call.command, token_id, call.body)

    name = path.replace("-", "_")
    move.__name__, move.__doc__ = f"{name}_token", method.__doc__
    routes.post(
        f"/tokens/{{id}}/{path}",
        body=Late,
        answer=TokenOut,
        versioned=True,
        permission=permission,
        command=f"opd.{name}",
        summary=summary,
    )(move)


for declared in PLAIN_MOVES:
    _declare(*declared)
