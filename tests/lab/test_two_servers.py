"""The rules of the laboratory attacked by fifty commands at once over two server processes, and a loop that
outlives the processes which ran it."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.lab.model.catalogue import SpecimenKind
from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.departments.lab.schemas.alerts import AlertQuery
from hms_rt.departments.lab.schemas.ordering import SpecimenIn
from hms_rt.departments.notifications.schemas import NotificationQuery
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from tests.cli.processes import configured, serving
from tests.conftest import PASSWORD, PersonFactory, command
from tests.lab.conftest import Lab, Query

S = LabState
MANY = 50
KILLED_AFTER = ("0.05", "0.05", "0.05", "10")
"""Minutes of the steps: three seconds each, and the last one longer than the test."""


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores) -> AsyncIterator[Hospital]:
    """Not started: the servers of the test do the work, and it prepares and looks."""
    made = Hospital(settings, stores)
    yield made
    await made.close()


@dataclass
class Pair:
    """Two server processes on one database, and people signed in at either."""

    urls: list[str]
    lab: Lab
    stack: AsyncExitStack
    sessions: dict[str, list[aiohttp.ClientSession]]

    async def sign_in(self, role: str, username: str) -> None:
        """The person gets a session, used at both servers."""
        for url in self.urls:
            jar = aiohttp.CookieJar(unsafe=True)
            session = aiohttp.ClientSession(url, cookie_jar=jar)
            await self.stack.enter_async_context(session)
            signed = {"username": username, "password": PASSWORD}
            async with session.post("/api/v1/auth/login", json=signed) as answer:
                assert answer.status == 200
            self.sessions.setdefault(role, []).append(session)

    async def at_once(self, *asked: tuple[str, str, dict[str, Any]]) -> Counter[int]:
        """These commands (who, path, body) repeated until there are fifty, all at once, over both servers."""
        wanted = [asked[number % len(asked)] for number in range(MANY)]

        async def one(number: int, who: str, path: str, body: dict[str, Any]) -> int:
            several = self.sessions[who]
            async with several[number // len(asked) % len(several)].post(
                f"/api/v1/lab{path}", json=body
            ) as a:
                return a.status

        return Counter(await asyncio.gather(*(one(n, *each) for n, each in enumerate(wanted))))


@pytest_asyncio.fixture
async def pair(lab: Lab, stores: Stores, person: PersonFactory, tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        served = await asyncio.gather(
            *(stack.enter_async_context(one_server(tmp_path, configured(stores))) for _ in range(2))
        )
        made = Pair(list(served), lab, stack, {})
        names = {"doctor": Role.DOCTOR, "nurse": Role.NURSE, "lab1": Role.LAB, "lab2": Role.LAB}
        for name, role in names.items():
            places = {"ward": "ICU"} if role is not Role.LAB else {}
            await person(role, username=name, **places)
            await made.sign_in(name, name)
        yield made


@asynccontextmanager
async def one_server(folder: Path, environment: dict[str, str]) -> AsyncIterator[str]:
    async with serving(folder, environment) as served:
        await served.until("serving")
        yield served.url


async def test_fifty_at_once_collect_receive_reject_enter_verify_release_and_each_happens_once(
    pair: Pair, query: Query
) -> None:
    lab = pair.lab
    order = await lab.order("LAC")
    test, collect = order.tests[0].id, f"/orders/{order.id}/specimens"
    took = await pair.at_once(("nurse", collect, {"kind": "blood"}), ("lab1", collect, {"kind": "blood"}))
    assert took == {201: 1, 409: 49}
    (specimen,) = await query("SELECT id FROM lab_specimen")
    path = f"/specimens/{specimen.id}"
    moved = await pair.at_once(
        ("lab1", f"{path}/receive", {}), ("lab2", f"{path}/reject", {"reason": "clot"})
    )
    assert set(moved) <= {200, 409}
    (ended,) = await query("SELECT state, version FROM lab_specimen")
    assert ended.state in {"received", "rejected"}
    if ended.state == "rejected":  # received first or not, its test waits for another one
        assert moved[200] == ended.version - 1
        again = await lab.services.lab.collect(
            lab.nurse, command(), order.id, SpecimenIn(kind=SpecimenKind.BLOOD)
        )
        path = f"/specimens/{again.id}"
        assert await pair.at_once(("lab1", f"{path}/receive", {})) == {200: 1, 409: 49}
    entered = await pair.at_once(("lab1", f"/tests/{test}/result", {"value": "9.9"}))
    assert entered == {200: 1, 409: 49}
    (alerts,) = await query("SELECT count(*) AS number FROM lab_critical_alert")
    assert alerts.number == 1
    verified = await pair.at_once(
        ("lab1", f"/tests/{test}/verify", {}), ("lab2", f"/tests/{test}/verify", {})
    )
    assert verified[200] == 1
    assert set(verified) <= {200, 403, 409}
    ended_by = await pair.at_once(
        ("lab1", f"/tests/{test}/release", {}), ("doctor", f"/tests/{test}/cancel", {"reason": "no need"})
    )
    assert ended_by == {200: 1, 409: 49}
    (row,) = await query("SELECT verified_by, entered_by FROM lab_test")
    assert row.verified_by != row.entered_by
    moves = await query("SELECT move, count(*) AS n FROM lab_test_event GROUP BY move")
    assert {m.move: m.n for m in moves if m.move in ("enter", "verify")} == {"enter": 1, "verify": 1}


async def test_fifty_at_once_correct_review_and_acknowledge(pair: Pair, query: Query) -> None:
    lab = pair.lab
    test = await lab.until(S.RELEASED, "1.0")
    right = {"value": "7.7", "reason": "wrong tube"}
    path = f"/tests/{test.id}"
    corrected = await pair.at_once(("lab1", f"{path}/correct", right))
    assert set(corrected) <= {200, 409}
    numbers = [row.number for row in await query("SELECT number FROM lab_result_version ORDER BY number")]
    assert numbers == list(range(1, corrected[200] + 2))
    told = await query("SELECT count(*) FILTER (WHERE remind_at IS NOT NULL) AS open, count(*) AS n FROM"
                       " lab_correction_notice WHERE user_id = :id", id=lab.doctor.id)  # fmt: skip
    assert (told[0].open, told[0].n) == (1, corrected[200])
    (waiting,) = await query("SELECT id FROM lab_critical_alert WHERE escalate_at IS NOT NULL")
    reviewed = await pair.at_once(("lab1", f"{path}/review", {}), ("lab2", f"{path}/review", {}))
    assert (reviewed[200], set(reviewed) <= {200, 403, 409}) == (1, True)
    alert = f"/alerts/{waiting.id}"
    taken = await pair.at_once(
        ("doctor", f"{alert}/acknowledge", {}),
        ("nurse", f"{alert}/acknowledge", {}),
        ("nurse", f"{alert}/relay", {}),
    )
    assert taken[403] == 17
    (ended,) = await query("SELECT state FROM lab_critical_alert WHERE id = :id", id=waiting.id)
    events = await query(
        "SELECT move FROM lab_alert_event WHERE alert_id = :id ORDER BY version", id=waiting.id
    )
    assert (ended.state, events[-1].move) == ("acknowledged", "acknowledge")
    assert [one.move for one in events].count("acknowledge") == 1


async def test_fifty_at_once_use_one_barcode_one_panel_code_and_one_day_of_ranges(
    pair: Pair, person: PersonFactory, query: Query
) -> None:
    await person(Role.ADMIN, username="admin")
    await pair.sign_in("admin", "admin")
    orders = [await pair.lab.order("LAC") for _ in range(10)]
    label = {"kind": "blood", "barcode": "TUBE-77"}
    took = await pair.at_once(*(("lab1", f"/orders/{order.id}/specimens", label) for order in orders))
    assert took == {201: 1, 409: 49}
    panel = {"code": "SEPSIS", "name": "Sepsis", "tests": ["LAC", "CRP"]}
    assert await pair.at_once(("admin", "/panels", panel)) == {201: 1, 409: 49}
    whole = {"valid_from": "2026-01-01", "unit": "mmol/L", "source": "x", "ranges": [{"reference_high": "2"}]}
    gap = {**whole, "ranges": [{"age_from_days": 3}]}
    defined = await pair.at_once(
        ("admin", "/catalogue/LAC/ranges", whole), ("admin", "/catalogue/LAC/ranges", gap)
    )
    assert defined == {201: 1, 409: 24, 422: 25}


async def test_steps_of_the_loop_come_once_though_the_processes_that_make_them_are_killed(
    lab: Lab, stores: Stores, person: PersonFactory, tmp_path: Path, query: Query
) -> None:
    charge, on_call = await person(Role.NURSE, charge_nurse="ICU"), await person(Role.DOCTOR, on_call="ICU")
    environment = {**configured(stores), "LAB_CRITICAL_MINUTES": ",".join(KILLED_AFTER)}

    async def until(steps: int) -> list[str]:
        async with asyncio.timeout(60):
            while True:
                rows = await query("SELECT step FROM lab_alert_event ORDER BY alert_id, version")
                if len(rows) >= steps:
                    return [row.step for row in rows]
                await asyncio.sleep(0.05)

    async with serving(tmp_path, environment) as one, serving(tmp_path, environment) as two:
        await one.until("serving")
        await two.until("serving")
        await lab.until(S.RESULTED, "9.9")
        # raised here, where the first step waits ten minutes: due at once for the servers
        await query("UPDATE lab_critical_alert SET escalate_at = now()")
        assert await until(2) == ["doctor", "ward_nurse"]
        one.process.kill()
        assert await until(3) == ["doctor", "ward_nurse", "on_call"]
        two.process.kill()
        await two.process.wait()
    await asyncio.sleep(3.5)  # the next step becomes due while nobody is alive
    assert len(await until(3)) == 3
    async with serving(tmp_path, environment) as three, serving(tmp_path, environment) as four:
        await three.until("serving")
        await four.until("serving")
        steps = await until(4)
        await asyncio.sleep(2.5)  # time for a step made twice
        assert await until(4) == steps == ["doctor", "ward_nurse", "on_call", "everybody"]
    assert await told(lab, lab.nurse) == 1
    assert await told(lab, charge) == await told(lab, on_call) == 2
    (alert,) = (await lab.services.lab.alerts(SYSTEM, command(), AlertQuery())).items
    assert isinstance(alert.id, uuid.UUID)


async def told(lab: Lab, user: Principal) -> int:
    """How many notifications the person has."""
    return len((await lab.services.notifications.list_own(user, NotificationQuery())).items)
