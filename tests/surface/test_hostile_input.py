"""Bad input never gives a 500 and changes nothing: arbitrary requests to every declared endpoint.

Whoever sends them holds every permission, so that they get past the door and deep into the services.
``HMS_HOSTILE_EXAMPLES`` raises the number of requests for each endpoint (10).
"""

import asyncio
import json
import os
import re
from collections.abc import Coroutine
from itertools import cycle
from typing import Any, TypeVar, cast
from urllib.parse import quote

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict
from sqlalchemy import text
from yarl import URL

from hms_rt.kernel.errors import Code
from hms_rt.web.endpoints import Endpoint
from hms_rt.web.problem import CONTENT_TYPE
from hms_rt.web.settings import API_PREFIX
from tests.conftest import PASSWORD, SECRET
from tests.surface.asks import ENDPOINTS, PARAMETER, Ask, ask, label
from tests.surface.hostile import Plan, encoded, plans, resolved, spoil
from tests.surface.hostile_values import NO_HTTP, Kin
from tests.surface.replies import Reply
from tests.surface.samples import fields
from tests.surface.world import Client, World

EXAMPLES = settings(
    max_examples=int(os.environ.get("HMS_HOSTILE_EXAMPLES", "10")),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, *((Phase.shrink,) if "HMS_HOSTILE_EXAMPLES" in os.environ else ())),
)
TOO_MUCH = re.compile(
    r"SELECT |INSERT |UPDATE |DELETE FROM|sqlalchemy|asyncpg|pydantic|Traceback|\.py\b|site-packages|"
    rf"refused by|_fkey|_pkey|_check\b|mongodb://|postgres|{SECRET}|{SECRET[::-1]}|{PASSWORD}"
)
"""What no problem document says: SQL, constraints, stacks, stores, secrets."""

_COUNTED = {"billing_print"}
"""Tables that a good GET writes: every print of a paper is counted, so that a copy says that it is one."""

T = TypeVar("T")


class Attacker:
    """Keeps one good request per endpoint at hand, and spoils it until it is used up."""

    def __init__(self, world: World, askers: list[Client], nobody: Client) -> None:
        self.world = world
        self.kin: dict[str, str] = {}
        self._askers = cycle(askers)
        self._nobody = nobody
        self._ready: dict[str, Any] = {}

    async def prepare(self) -> None:
        world = self.world
        here = await world.admitted()
        self.kin = {
            Kin.PATIENT: str(here.patient_id),
            Kin.UPPER: str(here.patient_id).upper(),
            Kin.URN: here.patient_id.urn,
            Kin.TOKEN: str((await world.waiting()).id),
            Kin.TEST: str((await world.released()).id),
            Kin.ADMISSION: str(here.id),
            Kin.BED: str(here.stays[0].bed_id),
            Kin.USER: str((await world.account()).id),
        }

    async def remembered(self, name: str, making: Coroutine[Any, Any, T]) -> T:
        """What was made ready before under ``name``, until it is forgotten."""
        if name in self._ready:
            making.close()
        else:
            self._ready[name] = await making
        return cast("T", self._ready[name])

    def forget(self, name: str) -> None:
        """It was used up."""
        del self._ready[name]

    async def _good(self, endpoint: Endpoint) -> tuple[Client, Ask]:
        """Who asks, and what; a public endpoint is asked by nobody, so that nobody is signed out."""
        who = self._nobody if endpoint.public else next(self._askers)
        return who, await ask(self.world, endpoint)

    async def attack(self, endpoint: Endpoint, plan: Plan) -> Reply:
        """Send a good request, spoiled; what succeeds nevertheless is made ready anew."""
        who, asked = await self.remembered(label(endpoint), self._good(endpoint))
        url, options = request(endpoint, asked, plan, self.kin)
        before = await self.world.census()
        async with who.request(endpoint.method, url, allow_redirects=False, **options) as answer:
            reply = Reply(answer.status, answer.headers, await answer.text(errors="replace"))
        after = await self.world.census()
        if reply.status < 400:
            before, after = ([row for row in rows if row[0] not in _COUNTED] for rows in (before, after))
        if reply.status >= 400 or endpoint.safe:
            assert after == before, f"changed something: {set(map(tuple, after)) ^ set(map(tuple, before))}"
        else:
            self.forget(label(endpoint))
        return reply


def request(endpoint: Endpoint, asked: Ask, plan: Plan, kin: dict[str, str]) -> tuple[URL, dict[str, Any]]:
    """A good request after the plan."""
    path = dict(asked.path)
    for position, value in plan.path:
        names = sorted(path)
        path[names[position % len(names)]] = encoded(resolved(value, kin))
    written = PARAMETER.sub(lambda found: path[found.group(1)], endpoint.path)
    query = (
        dict(asked.query)
        if endpoint.body is not None
        else spoil(dict(asked.query), fields(endpoint.query), plan)
    )
    pairs = [f"{name}={encoded(resolved(value, kin))}" for name, value in query.items()]
    names = [*fields(endpoint.query), "limit", "cursor", "\u00e9\x00"]
    pairs += [
        f"{encoded(names[at % len(names)])}={encoded(resolved(value, kin))}" for at, value in plan.query
    ]
    headers = CIMultiDict(plan.headers)
    if (
        endpoint.versioned
        and not endpoint.safe
        and plan.version
        and asked.version
        and "If-Match" not in headers
    ):
        headers["If-Match"] = f'"{asked.version}"'
    options: dict[str, Any] = {"headers": headers}
    if endpoint.body is not None or plan.raw is not None:
        body = spoil(dict(asked.body or {}), fields(endpoint.body), plan)
        options["data"] = plan.raw if plan.raw is not None else json.dumps(resolved(body, kin)).encode()
        headers.setdefault("Content-Type", "application/json")
    return URL(API_PREFIX + written + "?" + "&".join(pairs), encoded=True), options


def check(reply: Reply) -> None:
    """What every answer to bad input is like."""
    assert reply.status < 500, reply.text
    if reply.status < 400:
        return
    assert reply.headers["Content-Type"] == CONTENT_TYPE, reply.text
    problem = reply.json
    assert {"type", "title", "status", "detail", "code", "request_id"} <= set(problem)
    assert problem["status"] == reply.status
    assert problem["code"] in set(Code)
    assert problem["request_id"]
    assert not TOO_MUCH.search(reply.text), reply.text


@pytest_asyncio.fixture(scope="module")
async def attacker(world: World) -> Attacker:
    # All sign in before the first attack: failed attempts shut an address out for a while.
    askers = [await world.everybody() for _ in range(4)]
    made = Attacker(world, askers, await world.client())
    await made.prepare()
    return made


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=label)
@EXAMPLES
@given(data=st.data())
async def test_bad_requests_are_refused_with_a_reason(
    endpoint: Endpoint, attacker: Attacker, data: st.DataObject
) -> None:
    schema = endpoint.body or endpoint.query
    check(await attacker.attack(endpoint, data.draw(plans(len(fields(schema)), len(endpoint.parameters)))))


async def test_the_census_tells_a_row_that_was_written_unchanged_once_it_is_committed(world: World) -> None:
    bed = (await world.admitted()).stays[0].bed_id
    before = await world.census()
    async with world.hospital.engine.begin() as writing:
        await writing.execute(text("UPDATE beds_bed SET code = code WHERE id = :id"), {"id": bed})
        assert await world.census() == before, "not committed yet"
    assert await world.census() != before


async def test_other_methods_and_unknown_paths_are_problems(world: World) -> None:
    who = await world.client()
    somewhere = dict.fromkeys(("id", "entry_id"), "00000000-0000-0000-0000-000000000001")
    known: dict[str, set[str]] = {}
    for endpoint in ENDPOINTS:
        known.setdefault(endpoint.path, set()).add(endpoint.method)
    for path, methods in known.items():
        written = API_PREFIX + PARAMETER.sub(lambda found: somewhere.get(found.group(1), "X"), path)
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - methods:
            async with who.request(method, written) as answer:
                assert 400 <= answer.status < 500, (method, path)
                if method != "HEAD":
                    check(Reply(answer.status, answer.headers, await answer.text(errors="replace")))
    for path in (
        "",
        "/",
        "/nothing",
        "/beds/",
        "//beds",
        "/beds/../users",
        "/%00",
        "/beds/%2e%2e/users",
        "/\u00e9",
    ):
        url = URL(API_PREFIX + quote(path, safe="/%"), encoded=True)
        async with who.get(url) as answer:
            check(Reply(answer.status, answer.headers, await answer.text(errors="replace")))
            assert answer.status >= 400


async def test_what_cannot_be_expected_is_a_problem_and_the_rest_goes_on(world: World) -> None:
    who = await world.client()
    signing_in = {"username": "nobody", "password": "wrong"}
    for expected, code in (("200-maybe", Code.MALFORMED), ("100-continue", Code.UNAUTHENTICATED)):
        headers = {"Expect": expected}
        async with who.post(f"{API_PREFIX}/auth/login", json=signing_in, headers=headers) as answer:
            reply = Reply(answer.status, answer.headers, await answer.text(errors="replace"))
        check(reply)
        assert reply.code == code


@pytest.mark.parametrize("sent", NO_HTTP)
async def test_what_is_not_http_is_refused_without_a_word_about_us(sent: bytes, world: World) -> None:
    """The HTTP library answers these itself, before there is a request: a bare 400, and the end."""
    reader, writer = await asyncio.open_connection(world.server.host, world.server.port)
    writer.write(sent)
    writer.write_eof()
    async with asyncio.timeout(30):
        answer = (await reader.read()).decode()
    writer.close()
    status = re.match(r"HTTP/1\.[01] ([0-9]{3}) ", answer)
    assert status is None or 400 <= int(status.group(1)) < 500, answer
    assert not TOO_MUCH.search(answer)
