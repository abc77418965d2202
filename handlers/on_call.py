"""REST of on-call duty: groups, members, rotas, shifts, covers, swaps, gaps."""

from hms_rt.departments.notifications.schemas.on_call import (
    CoverIn,
    GapQuery,
    GapsOut,
    GroupIn,
    GroupOut,
    GroupQuery,
    GroupUpdate,
    MemberIn,
    OnCallOut,
    OnCallQuery,
    RotaIn,
    RotaOut,
    ShiftIn,
    ShiftOut,
    ShiftQuery,
    SwapIn,
    SwapOut,
    Withdrawal,
)
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("on_call", "On-call duty: groups, rotas, covers; who can be reached, and when nobody can")
READ, DEFINE, COVER = Permission.ON_CALL_READ, Permission.ON_CALL_DEFINE, Permission.ON_CALL_COVER


@routes.get("/on-call", query=OnCallQuery, answer=Page[OnCallOut], permission=READ, summary="Who is on call")
async def now_on_call(call: Call[None, OnCallQuery]) -> Page[OnCallOut]:
    """Every active group with who is on call, now or at a given time; nobody is a gap."""
    return await call.services.notifications.now_on_call(call.principal, call.query)


@routes.get(
    "/on-call/groups", query=GroupQuery, answer=Page[GroupOut], permission=READ, summary="On-call groups"
)
async def list_groups(call: Call[None, GroupQuery]) -> Page[GroupOut]:
    """Groups by code, with their members."""
    return await call.services.notifications.groups(call.principal, call.query)


@routes.post(
    "/on-call/groups",
    body=GroupIn,
    answer=GroupOut,
    status=201,
    location="/on-call/groups/{code}",
    permission=DEFINE,
    summary="Define an on-call group",
)
async def define_group(call: Call[GroupIn, None]) -> GroupOut:
    """For a ward, clinic, speciality or the whole hospital; with one person on call at a time, or several."""
    return await call.services.notifications.define_group(call.principal, call.command, call.body)


@routes.get(
    "/on-call/groups/{code:code}",
    answer=GroupOut,
    permission=READ,
    versioned=True,
    summary="One on-call group",
)
async def get_group(call: Call[None, None]) -> GroupOut:
    """A group with its members."""
    return await call.services.notifications.group(call.principal, call.path_code("code"))


@routes.patch(
    "/on-call/groups/{code:code}",
    body=GroupUpdate,
    answer=GroupOut,
    permission=DEFINE,
    versioned=True,
    summary="Rename, close or reopen an on-call group",
)
async def change_group(call: Call[GroupUpdate, None]) -> GroupOut:
    """Nobody is on call for an inactive group; its shifts stay."""
    return await call.services.notifications.change_group(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.post(
    "/on-call/groups/{code:code}/members",
    body=MemberIn,
    answer=GroupOut,
    permission=DEFINE,
    summary="Add a member",
)
async def add_member(call: Call[MemberIn, None]) -> GroupOut:
    """Only members can have shifts and stand in; adding one again changes nothing."""
    return await call.services.notifications.add_member(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.post(
    "/on-call/groups/{code:code}/members/remove",
    body=MemberIn,
    answer=GroupOut,
    permission=DEFINE,
    summary="Remove a member",
)
async def remove_member(call: Call[MemberIn, None]) -> GroupOut:
    """What is left of their shifts and covers ends now, and shows as gaps."""
    return await call.services.notifications.remove_member(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.get(
    "/on-call/groups/{code:code}/rotas",
    query=PageQuery,
    answer=Page[RotaOut],
    permission=READ,
    summary="Rotas of a group",
)
async def list_rotas(call: Call[None, PageQuery]) -> Page[RotaOut]:
    """Newest first."""
    return await call.services.notifications.rotas(call.principal, call.path_code("code"), call.query)


@routes.post(
    "/on-call/groups/{code:code}/rotas",
    body=RotaIn,
    answer=RotaOut,
    status=201,
    permission=DEFINE,
    summary="Make the shifts of a weekly pattern",
)
async def add_rota(call: Call[RotaIn, None]) -> RotaOut:
    """Times are those of the hospital's clocks, also across changes to and from summer time. All or none."""
    return await call.services.notifications.add_rota(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.post(
    "/on-call/rotas/{id}/end",
    body=Withdrawal,
    answer=RotaOut,
    permission=DEFINE,
    versioned=True,
    summary="End a rota",
)
async def end_rota(call: Call[Withdrawal, None]) -> RotaOut:
    """Cancels those of its shifts that have not begun."""
    return await call.services.notifications.end_rota(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/on-call/groups/{code:code}/shifts",
    query=ShiftQuery,
    answer=Page[ShiftOut],
    permission=READ,
    summary="Shifts of a group",
)
async def list_shifts(call: Call[None, ShiftQuery]) -> Page[ShiftOut]:
    """By begin, with covers; from now on, unless told."""
    return await call.services.notifications.shifts(call.principal, call.path_code("code"), call.query)


@routes.post(
    "/on-call/groups/{code:code}/shifts",
    body=ShiftIn,
    answer=ShiftOut,
    status=201,
    permission=DEFINE,
    summary="Add one shift",
)
async def add_shift(call: Call[ShiftIn, None]) -> ShiftOut:
    """Refused where it overlaps another one and the group wants exactly one person."""
    return await call.services.notifications.add_shift(
        call.principal, call.command, call.path_code("code"), call.body
    )


@routes.post("/on-call/shifts/{id}/cancel", body=Withdrawal, permission=DEFINE, summary="Cancel a shift")
async def cancel_shift(call: Call[Withdrawal, None]) -> None:
    """Its time becomes a gap; whoever had it is told."""
    await call.services.notifications.cancel_shift(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/on-call/shifts/{id}/cover",
    body=CoverIn,
    answer=ShiftOut,
    permission=COVER,
    versioned=True,
    summary="Stand in for all or a part of a shift",
)
async def cover(call: Call[CoverIn, None]) -> ShiftOut:
    """By whoever has the shift, whoever stands in, or an administrator."""
    return await call.services.notifications.cover(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/on-call/swaps", body=SwapIn, answer=SwapOut, permission=COVER, summary="Swap two people's shifts"
)
async def swap(call: Call[SwapIn, None]) -> SwapOut:
    """Both or neither."""
    return await call.services.notifications.swap(call.principal, call.command, call.body)


@routes.post(
    "/on-call/covers/{id}/cancel",
    body=Withdrawal,
    answer=ShiftOut,
    permission=COVER,
    summary="Cancel a cover",
)
async def cancel_cover(call: Call[Withdrawal, None]) -> ShiftOut:
    """Whoever has the shift is on call again."""
    return await call.services.notifications.cancel_cover(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.get(
    "/on-call/groups/{code:code}/gaps",
    query=GapQuery,
    answer=GapsOut,
    permission=READ,
    summary="When nobody is on call",
)
async def gaps(call: Call[None, GapQuery]) -> GapsOut:
    """In the next four weeks, unless told."""
    return await call.services.notifications.gaps(call.principal, call.path_code("code"), call.query)
