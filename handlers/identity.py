"""REST of identity: sign-in, users, assignments, unattended screens."""

from aiohttp import web

from hms_rt.departments.identity.schemas import (
    AssignmentIn,
    DeviceLink,
    DeviceNew,
    DeviceOut,
    Login,
    Me,
    PasswordChange,
    UserNew,
    UserOut,
    UserQuery,
    UserUpdate,
)
from hms_rt.departments.identity.service import SignedIn
from hms_rt.kernel.commands import Command
from hms_rt.kernel.paging import Page, PageQuery
from hms_rt.kernel.principal import PrincipalKind
from hms_rt.security.cookies import Cookie as Wanted
from hms_rt.security.cookies import Cookies
from hms_rt.security.permissions import Permission
from hms_rt.web.address import client_address, is_secure
from hms_rt.web.door import AUTHENTICATE, SERVICES
from hms_rt.web.endpoints import Answer, Call, Cookie, Routes
from hms_rt.web.headers import request_id

routes = Routes("identity", "Sign-in, users, devices")


def _cookie(wanted: Wanted) -> Cookie:
    return Cookie(wanted.name, wanted.value, path=wanted.path, max_age=wanted.max_age)


def _signed_in(me: Me, signed_in: SignedIn, *, secure: bool) -> Answer[Me]:
    cookies = Cookies(tls=secure)
    wanted = [
        # Kept as long as the session, so that an expired token is told from none; its own end is inside it.
        cookies.session(signed_in.access_token, signed_in.refresh_lifetime),
        cookies.refresh(signed_in.refresh_token, signed_in.refresh_lifetime),
    ]
    return Answer(me, cookies=[_cookie(cookie) for cookie in wanted])


@routes.post("/auth/login", body=Login, answer=Me, public=True, summary="Sign in")
async def login(call: Call[Login, None]) -> Answer[Me]:
    """Sets the session cookie (10 minutes of validity) and the refresh cookie (12 hours)."""
    identity = call.services.identity
    signed_in = await identity.login(call.command, call.body)
    return _signed_in(identity.me(signed_in.principal), signed_in, secure=call.secure)


@routes.post("/auth/refresh", answer=Me, public=True, summary="Fresh tokens for a running session")
async def refresh(call: Call[None, None]) -> Answer[Me]:
    """Replaces both cookies. Call it when a request answers 401, or every few minutes."""
    identity = call.services.identity
    token = Cookies(tls=call.secure).refresh_of(call.request.cookies)
    signed_in = await identity.refresh(call.command, token)
    return _signed_in(identity.me(signed_in.principal), signed_in, secure=call.secure)


@routes.post("/auth/logout", public=True, summary="Sign out")
async def logout(call: Call[None, None]) -> Answer[None]:
    """Ends the session everywhere, sockets included, and deletes its cookies; harmless without a session."""
    cookies = Cookies(tls=call.secure)
    principal = await call.request.config_dict[AUTHENTICATE](call.request)
    if principal is not None and principal.kind is PrincipalKind.USER:
        await call.services.identity.logout(principal, call.command)
    else:
        await call.services.identity.logout_by_token(call.command, cookies.refresh_of(call.request.cookies))
    return Answer(None, cookies=[_cookie(cookie) for cookie in cookies.signed_out()])


@routes.get("/auth/me", answer=Me, summary="Who am I, and what may I do")
async def me(call: Call[None, None]) -> Answer[Me]:
    """A screen gets its cookie renewed, so that one that is switched on now and then never expires."""
    identity = call.services.identity
    answer = identity.me(call.principal)
    if call.principal.kind is not PrincipalKind.DEVICE:
        return Answer(answer)
    fresh = identity.renewed(call.principal)
    cookie = Cookies(tls=call.secure).device(fresh.access_token, fresh.access_lifetime)
    return Answer(answer, cookies=[_cookie(cookie)])


@routes.post(
    "/auth/password", body=PasswordChange, command="identity.set_password", summary="Change my password"
)
async def change_own_password(call: Call[PasswordChange, None]) -> None:
    """Needs the current password; ends my other sessions."""
    await call.services.identity.set_password(call.principal, call.command, call.principal.id, call.body)


@routes.get(
    "/users", query=UserQuery, answer=Page[UserOut], permission=Permission.USERS, summary="List accounts"
)
async def list_users(call: Call[None, UserQuery]) -> Page[UserOut]:
    """By username."""
    return await call.services.identity.list_users(call.principal, call.query)


@routes.post(
    "/users",
    body=UserNew,
    answer=UserOut,
    permission=Permission.USERS,
    status=201,
    location="/users/{id}",
    versioned=True,
    summary="Open an account",
)
async def create_user(call: Call[UserNew, None]) -> UserOut:
    """Usernames are unique whatever their case."""
    return await call.services.identity.create_user(call.principal, call.command, call.body)


@routes.get("/users/{id}", answer=UserOut, permission=Permission.USERS, versioned=True, summary="One account")
async def get_user(call: Call[None, None]) -> UserOut:
    """With roles and assignments."""
    return await call.services.identity.get_user(call.principal, call.path_uuid("id"))


@routes.patch(
    "/users/{id}",
    body=UserUpdate,
    answer=UserOut,
    permission=Permission.USERS,
    versioned=True,
    summary="Change name, roles, or close the account",
)
async def update_user(call: Call[UserUpdate, None]) -> UserOut:
    """Counts at once: cached rights are dropped and rooms left. Nobody changes their own roles."""
    return await call.services.identity.update_user(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/users/{id}/password", body=PasswordChange, permission=Permission.USERS, summary="Set a password"
)
async def set_password(call: Call[PasswordChange, None]) -> None:
    """Ends the user's sessions."""
    await call.services.identity.set_password(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/users/{id}/assignments",
    body=AssignmentIn,
    answer=UserOut,
    permission=Permission.USERS,
    versioned=True,
    summary="Give an assignment",
)
async def assign(call: Call[AssignmentIn, None]) -> UserOut:
    """Never to oneself. Giving it twice is the same as once."""
    return await call.services.identity.assign(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.delete(
    "/users/{id}/assignments",
    query=AssignmentIn,
    answer=UserOut,
    permission=Permission.USERS,
    summary="Take an assignment away",
)
async def unassign(call: Call[None, AssignmentIn]) -> UserOut:
    """Named by kind and place."""
    return await call.services.identity.unassign(
        call.principal, call.command, call.path_uuid("id"), call.query
    )


@routes.get(
    "/devices", query=PageQuery, answer=Page[DeviceOut], permission=Permission.DEVICES, summary="List screens"
)
async def list_devices(call: Call[None, PageQuery]) -> Page[DeviceOut]:
    """Oldest first, revoked ones included."""
    return await call.services.identity.list_devices(call.principal, call.query)


@routes.post(
    "/devices",
    body=DeviceNew,
    answer=DeviceLink,
    permission=Permission.DEVICES,
    status=201,
    summary="Set up an unattended screen",
)
async def create_device(call: Call[DeviceNew, None]) -> DeviceLink:
    """Answers a link that works once, for a day: open it on the screen."""
    return await call.services.identity.create_device(call.principal, call.command, call.body)


@routes.get(
    "/devices/{id}", answer=DeviceOut, permission=Permission.DEVICES, versioned=True, summary="One screen"
)
async def get_device(call: Call[None, None]) -> DeviceOut:
    """Whether it is enrolled, and where."""
    return await call.services.identity.get_device(call.principal, call.path_uuid("id"))


@routes.post(
    "/devices/{id}/link",
    answer=DeviceLink,
    permission=Permission.DEVICES,
    summary="A fresh link for a screen that was replaced",
)
async def relink_device(call: Call[None, None]) -> DeviceLink:
    """The old enrolment works until the new link is opened."""
    return await call.services.identity.relink_device(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/devices/{id}/revoke", answer=DeviceOut, permission=Permission.DEVICES, summary="Shut a screen out"
)
async def revoke_device(call: Call[None, None]) -> DeviceOut:
    """For good, and at once."""
    return await call.services.identity.revoke_device(call.principal, call.command, call.path_uuid("id"))


async def enrol(request: web.Request) -> web.Response:
    """Turn the browser that opens the link into the screen, and show its page."""
    command = Command(
        name="identity.enrol_device", request_id=request_id(request), address=client_address(request)
    )
    enrolled = await request.config_dict[SERVICES].identity.enrol_device(command, request.match_info["token"])
    secure = is_secure(request)
    cookie = Cookies(tls=secure).device(enrolled.access_token, enrolled.access_lifetime)
    response = web.Response(
        status=303,
        headers={
            "Location": enrolled.screen,
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
        },
    )
    response.set_cookie(
        cookie.name,
        cookie.value,
        path=cookie.path,
        max_age=cookie.max_age,
        httponly=True,
        samesite="Strict",
        secure=secure,
    )
    return response


PAGES: tuple[web.AbstractRouteDef, ...] = (web.get("/enrol/{token}", enrol, allow_head=False),)
"""Routes beside the API. A HEAD request must not spend a link."""
