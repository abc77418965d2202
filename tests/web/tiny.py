"""A tiny hospital behind the door: no department, no store, only what a rule needs to show itself."""

import uuid
from dataclasses import dataclass, field
from typing import Any, cast

from aiohttp import web

from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.paging import Page, PageQuery, cut, decode_cursor
from hms_rt.kernel.principal import Principal, PrincipalKind, Role
from hms_rt.kernel.schema import Moment, Name, PlaceCode, Schema
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Answer, Call, Cookie, Routes
from hms_rt.web.settings import WebSettings

NURSE = Principal(PrincipalKind.USER, uuid.UUID(int=7), uuid.UUID(int=8), "Nurse", frozenset({Role.NURSE}))
BED_ID = uuid.UUID("0190a000-0000-7000-8000-000000000001")
BED = f"/api/v1/beds/{BED_ID}"
SIGNED_IN = {"Authorization": "test"}


class BedOut(Schema):
    id: uuid.UUID
    label: str
    version: int


class BedIn(Schema):
    label: Name
    beds: int = 1
    cleaned_at: Moment | None = None
    notes: list[Any] | None = None


class BedQuery(PageQuery):
    ward: PlaceCode | None = None


class BedKey(Schema):
    label: str


class LoginIn(Schema):
    username: Name


@dataclass
class FakeServices:
    """Records what reached it."""

    commands: list[Command] = field(default_factory=list)
    version: int = 3


async def authenticate(request: web.Request) -> Principal | None:
    if request.headers.get("Authorization") == "store is away":
        raise HmsError(Code.UNAVAILABLE, "PostgreSQL is away", retry_after_ms=1500)
    return NURSE if request.headers.get("Authorization") == "test" else None


routes = Routes("beds", "Rooms and beds")
logins = Routes("auth", "Signing in")


def fake(call: Call[Any, Any]) -> FakeServices:
    return cast("FakeServices", call.services)


@routes.get(
    "/beds", query=BedQuery, answer=Page[BedOut], permission=Permission.BED_READ, summary="Beds of a ward"
)
async def list_beds(call: Call[None, BedQuery]) -> Page[BedOut]:
    """Every bed, by label."""
    after = decode_cursor(call.query.cursor, BedKey).label if call.query.cursor else ""
    beds = [BedOut(id=BED_ID, label=f"{n:03}", version=1) for n in range(1, 8)]
    rows = [bed for bed in beds if bed.label > after][: call.query.limit + 1]
    shown, following = cut(rows, call.query.limit, lambda bed: BedKey(label=bed.label))
    return Page(items=list(shown), next_cursor=following)


@routes.get("/beds/{id}", answer=BedOut, versioned=True, permission=Permission.BED_READ, summary="One bed")
async def get_bed(call: Call[None, None]) -> BedOut:
    return BedOut(id=call.path_uuid("id"), label="12", version=fake(call).version)


@routes.post("/beds", body=BedIn, answer=BedOut, status=201, location="/beds/{id}", summary="Define a bed")
async def define(call: Call[BedIn, None]) -> BedOut:
    fake(call).commands.append(call.command)
    return BedOut(id=BED_ID, label=call.body.label, version=1)


@routes.patch(
    "/beds/{id}", body=BedIn, answer=BedOut, versioned=True, command="beds.change", summary="Change a bed"
)
async def change(call: Call[BedIn, None]) -> BedOut:
    call.command.check_version(fake(call).version)
    fake(call).commands.append(call.command)
    return BedOut(id=call.path_uuid("id"), label=call.body.label, version=fake(call).version + 1)


@routes.delete("/beds/{id}", versioned=True, summary="Remove a bed")
async def remove(call: Call[None, None]) -> None:
    call.command.require_version(fake(call).version)


@routes.get("/wards/{code}/days/{day:date}/{number:int}", answer=BedOut, summary="Typed path")
async def typed_path(call: Call[None, None]) -> BedOut:
    label = f"{call.path_code('code')} {call.path_date('day')} {call.path_int('number')}"
    return BedOut(id=BED_ID, label=label, version=1)


@routes.get("/broken", summary="Fails inside")
async def broken(call: Call[None, None]) -> None:
    raise RuntimeError("secret: patient Ada Lovelace")


@routes.get("/illegal", summary="Refused with fields of its own")
async def illegal(call: Call[None, None]) -> None:
    raise HmsError(Code.ILLEGAL_MOVE, "bed 12 is occupied", fields={"state": "occupied", "status": "forged"})


@logins.post("/auth/login", body=LoginIn, answer=LoginIn, public=True, summary="Sign in")
async def login(call: Call[LoginIn, None]) -> Answer[LoginIn]:
    return Answer(call.body, cookies=[Cookie("hms_access", "token"), Cookie.deletion("hms_old", "/api")])


@logins.post("/auth/echo", public=True, summary="Where the client is")
async def echo(call: Call[None, None]) -> Answer[None]:
    return Answer(None, headers={"X-Seen": f"{call.address} {call.secure}"})


@logins.get("/auth/picture", public=True, raw=True, summary="A response of its own")
async def picture(call: Call[None, None]) -> web.Response:
    return web.Response(body=b"png", content_type="image/png")


SETTINGS = WebSettings(ready_seconds=0)
