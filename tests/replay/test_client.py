"""How a replay meets a server that is overloaded, away, or forgot who it is talking to."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from hms_rt.replay.client import Account, RefusedError, Server, Session, SignInError, UnreachableError

Answers = list[Callable[[], web.Response]]


def ok() -> web.Response:
    return web.json_response({"id": "1"})


def failed(status: int, code: str = "unavailable", **headers: str) -> Callable[[], web.Response]:
    return lambda: web.json_response({"code": code, "detail": "because"}, status=status, headers=headers)


class Hospital:
    """Answers commands from a list, and remembers what was asked."""

    def __init__(self) -> None:
        self.answers: Answers = []
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.sign_ins = 0
        self.refreshes = 0
        self.accepts = True
        self.renews = True

    async def login(self, _: web.Request) -> web.Response:
        self.sign_ins += 1
        return self._cookies() if self.accepts else failed(401, "unauthenticated")()

    async def refresh(self, _: web.Request) -> web.Response:
        self.refreshes += 1
        return self._cookies() if self.renews else failed(401, "unauthenticated")()

    def _cookies(self) -> web.Response:
        answer = web.json_response({})
        answer.set_cookie("hms_session", f"s{self.sign_ins}{self.refreshes}")
        answer.set_cookie("hms_refresh", "r", path="/api/v1/auth")
        return answer

    async def command(self, request: web.Request) -> web.Response:
        headers = request.headers
        self.asked.append((request.path, headers.get("Idempotency-Key"), headers.get("Cookie")))
        return self.answers.pop(0)()


@pytest.fixture
def hospital() -> Hospital:
    return Hospital()


@pytest.fixture
async def session(hospital: Hospital) -> AsyncIterator[Session]:
    app = web.Application()
    app.router.add_post("/api/v1/auth/login", hospital.login)
    app.router.add_post("/api/v1/auth/refresh", hospital.refresh)
    app.router.add_post("/api/v1/{any:.*}", hospital.command)
    async with TestServer(app) as listening, Server(str(listening.make_url("/")), patience=1) as server:
        yield Session(server, Account("nurse", "secret"))


async def test_overload_and_a_command_still_running_are_waited_out_under_the_same_key(
    hospital: Hospital, session: Session
) -> None:
    busy = {"Retry-After": "0"}
    hospital.answers = [
        failed(503),
        failed(429, "rate_limited", **busy),
        failed(409, "idempotency_running"),
        ok,
    ]
    reply = await session.post("/beds", {}, key="k")
    assert reply.value == {"id": "1"}
    assert [key for _, key, _ in hospital.asked] == ["k"] * 4


async def test_a_refusal_is_told_in_the_servers_words_and_not_repeated(
    hospital: Hospital, session: Session
) -> None:
    hospital.answers = [failed(409, "conflict")]
    with pytest.raises(RefusedError) as refused:
        await session.post("/beds", {})
    assert (refused.value.status, refused.value.code, refused.value.detail) == (409, "conflict", "because")
    assert len(hospital.asked) == 1


async def test_a_fault_that_repeats_itself_is_given_up_and_recorded(
    hospital: Hospital, session: Session
) -> None:
    hospital.answers = [failed(500, "internal")] * 3
    with pytest.raises(RefusedError, match="internal"):
        await session.post("/beds", {})


async def test_an_expired_session_is_renewed_and_else_signed_in_again(
    hospital: Hospital, session: Session
) -> None:
    hospital.answers = [ok, failed(401, "unauthenticated"), ok]
    await session.post("/beds", {})
    await session.post("/beds", {})
    assert (hospital.sign_ins, hospital.refreshes) == (1, 1)

    hospital.renews = False
    hospital.answers = [failed(401, "unauthenticated"), ok]
    await session.post("/beds", {})
    assert (hospital.sign_ins, hospital.refreshes) == (2, 2)
    assert all("hms_refresh" not in (cookie or "") for _, _, cookie in hospital.asked)


async def test_a_wrong_password_is_named_with_its_account(hospital: Hospital, session: Session) -> None:
    hospital.accepts = False
    with pytest.raises(SignInError, match="nurse"):
        await session.post("/beds", {})


async def test_a_server_that_is_away_is_given_up_when_patience_ends() -> None:
    async with Server(f"http://127.0.0.1:{unused_port()}", patience=0.2) as server:
        with pytest.raises(UnreachableError):
            await Session(server, Account("nurse", "secret")).get("/beds")


def test_no_password_is_shown() -> None:
    shown: Any = repr(Account("nurse", "secret"))
    assert "secret" not in shown
