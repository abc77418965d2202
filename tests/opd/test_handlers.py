"""Outpatients by REST: statuses, problems, pages, and that bad input changes nothing."""

from typing import Any

from aiohttp.test_utils import TestClient

from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory
from tests.opd.conftest import Opd, Query

Client = TestClient[Any, Any]
API = "/api/v1"
GHOST = "00000000-0000-4000-8000-000000000000"
MOVES = ("recall", "serve", "hold", "resume", "no-show", "requeue", "done")


async def post(client: Client, path: str, body: Any, status: int = 200, **headers: str) -> Any:
    answer = await client.post(f"{API}{path}", json=body, headers=headers)
    assert answer.status == status, (path, body, await answer.text())
    return await answer.json()


async def get(client: Client, path: str, status: int = 200) -> Any:
    answer = await client.get(f"{API}{path}")
    assert answer.status == status, (path, await answer.text())
    return await answer.json()


async def at_g1(client_as: ClientFactory) -> Client:
    return await client_as(Role.NURSE, clinic="GEN", counter="G1")


async def test_a_patients_visit_from_the_desk_to_the_next_clinic(opd: Opd, client_as: ClientFactory) -> None:
    reception, nurse = await client_as(Role.RECEPTION), await at_g1(client_as)
    eyes = await client_as(Role.DOCTOR, clinic="EYE", counter="E1")
    patient = str(await opd.patient())
    answer = await reception.post(f"{API}/clinics/GEN/tokens", json={"patient_id": patient, "category": "B"})
    token = await answer.json()
    assert (answer.status, answer.headers["ETag"]) == (201, '"1"')
    assert answer.headers["Location"] == f"{API}/tokens/{token['id']}"
    assert (token["label"], token["state"], token["patient_name"]) == ("B-001", "waiting", "Curie")
    seen = await get(nurse, f"/tokens/{token['id']}")
    nothing = dict.fromkeys(("p50_s", "p90_s", "promised_p50_s", "promised_p90_s"))
    assert seen["wait"] == {"ahead": 0, **nothing}

    here = f"/tokens/{token['id']}"
    assert (await post(nurse, "/clinics/GEN/call-next", {"counter": "G1"}))["counter"] == "G1"
    await post(nurse, f"{here}/recall", {})
    await post(nurse, f"{here}/hold", {})
    await post(nurse, f"{here}/resume", {})
    await post(nurse, f"{here}/call", {"counter": "G1"})
    await post(nurse, f"{here}/no-show", {})
    await post(nurse, f"{here}/requeue", {})
    await post(nurse, "/clinics/GEN/call-next", {"counter": "G1"})
    await post(nurse, f"{here}/serve", {})
    onward = await post(nurse, f"{here}/transfer", {"clinic": "EYE"})
    assert (onward["label"], onward["clinic"], onward["state"]) == ("B-001", "EYE", "waiting")
    there = f"/tokens/{onward['id']}"
    await post(eyes, f"{there}/call", {"counter": "E1"})
    await post(eyes, f"{there}/serve", {})
    assert (await post(eyes, f"{there}/done", {}))["state"] == "done"
    moves = [step["move"] for step in (await get(nurse, f"{here}/history"))["items"]]
    assert moves[:11] == ["issue", "call", "recall", "hold", "resume", "call", "no_show", "requeue",
                     "call", "serve", "transfer"]  # fmt: skip
    assert (await get(reception, "/clinics/GEN/days/2026-03-02"))["transferred"] == 1


async def test_an_illegal_move_names_the_legal_ones(opd: Opd, client_as: ClientFactory) -> None:
    nurse = await at_g1(client_as)
    token = await opd.issue()
    problem = await post(nurse, f"/tokens/{token.id}/done", {}, 409)
    assert (problem["code"], problem["state"], problem["move"]) == ("illegal_move", "waiting", "done")
    assert problem["legal"] == ["call", "cancel", "day_end", "hold"]
    problem = await post(nurse, "/clinics/GEN/call-next", {"counter": "E1"}, 403)
    assert problem["code"] == "forbidden"
    await post(nurse, "/clinics/GEN/call-next", {"counter": "G1"})
    problem = await post(nurse, "/clinics/GEN/call-next", {"counter": "G1"}, 409)
    assert problem["code"] == "conflict"


async def test_an_edit_of_something_old_is_refused(opd: Opd, client_as: ClientFactory) -> None:
    nurse = await at_g1(client_as)
    here = f"/tokens/{(await opd.issue()).id}"
    assert (await post(nurse, f"{here}/hold", {}, 200, **{"If-Match": '"1"'}))["version"] == 2
    assert (await post(nurse, f"{here}/resume", {}, 412, **{"If-Match": '"1"'}))["code"] == "stale_version"


async def test_the_same_key_issues_once(opd: Opd, client_as: ClientFactory, query: Query) -> None:
    reception = await client_as(Role.RECEPTION)
    key = {"Idempotency-Key": "kiosk-1"}
    first = await post(reception, "/clinics/GEN/tokens", {}, 201, **key)
    assert await post(reception, "/clinics/GEN/tokens", {}, 201, **key) == first
    await post(reception, "/clinics/GEN/tokens", {"category": "B"}, 422, **key)
    await post(reception, "/clinics/EYE/tokens", {}, 422, **key)
    assert len(await query("SELECT 1 FROM opd_token")) == 1


async def test_clinics_and_counters_are_the_administrators(opd: Opd, client_as: ClientFactory) -> None:
    admin, nurse = await client_as(Role.ADMIN), await at_g1(client_as)
    new = {"code": "SKIN", "name": "Skin", "categories": [{"letter": "S", "name": "Skin"}]}
    made = await post(admin, "/clinics", new, 201)
    assert (made["day"], made["counters"], made["facility"]) == ("2026-03-02", [], "MAIN")
    await post(admin, "/clinics", new, 409)
    await post(nurse, "/clinics", {**new, "code": "SKIN2"}, 403)
    counter = await post(admin, "/clinics/SKIN/counters", {"code": "S1", "name": "Room 1"}, 201)
    assert counter == {"code": "S1", "name": "Room 1", "clinic": "SKIN", "open": True, "version": 1}
    await post(admin, "/clinics/SKIN/counters", {"code": "G1", "name": "Taken"}, 409)
    assert (await get(nurse, "/clinics/SKIN"))["counters"] == [counter]
    listed = await get(nurse, "/clinics?limit=2")
    assert [clinic["code"] for clinic in listed["items"]] == ["EYE", "GEN"]
    rest = await get(nurse, f"/clinics?limit=2&cursor={listed['next_cursor']}")
    assert ([clinic["code"] for clinic in rest["items"]], rest["next_cursor"]) == (["SKIN"], None)
    for path, opened in (("close", False), ("open", True)):
        answer = await nurse.post(f"{API}/counters/G1/{path}")
        assert (answer.status, (await answer.json())["open"]) == (200, opened)
    assert (await nurse.post(f"{API}/counters/G2/close")).status == 403


async def test_queue_tokens_and_the_end_of_the_day(opd: Opd, client_as: ClientFactory) -> None:
    reception = await client_as(Role.RECEPTION)
    for priority in ("routine", "emergency", "urgent"):
        await post(reception, "/clinics/GEN/tokens", {"priority": priority}, 201)
    queue = await get(reception, "/clinics/GEN/queue")
    assert [token["number"] for token in queue["tokens"]] == [2, 3, 1]
    assert (queue["summary"]["waiting"], queue["summary"]["last_number"]) == (3, 3)
    assert (await get(reception, "/clinics/GEN/queue?day=2026-03-01"))["tokens"] == []
    page = await get(reception, "/clinics/GEN/tokens?limit=2&state=waiting")
    assert [token["number"] for token in page["items"]] == [1, 2]
    rest = await get(reception, f"/clinics/GEN/tokens?limit=2&state=waiting&cursor={page['next_cursor']}")
    assert [token["number"] for token in rest["items"]] == [3]
    ended = await post(reception, "/clinics/GEN/day-end", {"reason": "closing time"})
    assert ended == {"clinic": "GEN", "closed": 3, "missed": 0}
    assert (await get(reception, "/clinics/GEN/days/2026-03-02"))["closed"] == 3


BAD_TOKENS: tuple[dict[str, Any], ...] = (
    {"category": "Z"},
    {"category": "a"},
    {"category": "AB"},
    {"category": "A\n"},
    {"priority": "vip"},
    {"priority": None},
    {"patient_id": "7"},
    {"occurred_at": "2099-01-01T00:00:00Z"},
    {"occurred_at": "2026-03-02T08:00:00"},
    {"occurred_at": "9999-12-31T23:59:59-12:00"},
    {"occurred_at": 0},
    {"occurred_at": "1772438400"},
    {"occurred_at": True},
    {"occurred_at": "2026-03-02"},
    {"surprise": 1},
)


async def test_bad_tokens_are_refused_and_no_number_is_given(
    opd: Opd, client_as: ClientFactory, query: Query
) -> None:
    reception = await client_as(Role.RECEPTION)
    for wrong in BAD_TOKENS:
        assert (await post(reception, "/clinics/GEN/tokens", wrong, 422))["code"] == "invalid", wrong
    await post(reception, "/clinics/GEN/tokens", {"patient_id": GHOST}, 404)
    for text in ("", "[]", "{", '{"category": "A", "category": "B"}'):
        answer = await reception.post(
            f"{API}/clinics/GEN/tokens", data=text, headers={"Content-Type": "application/json"}
        )
        assert answer.status in (400, 422), text
    assert await query("SELECT 1 FROM opd_queue") == []


async def test_bad_targets_and_bodies_are_problems_never_failures(opd: Opd, client_as: ClientFactory) -> None:
    nurse, reception = await at_g1(client_as), await client_as(Role.RECEPTION)
    token = await opd.issue()
    for code in ("NONE", "none", "A" * 17, "G%00N", "%F0%9F%98%80"):
        assert (await reception.get(f"{API}/clinics/{code}/queue")).status in (404, 422), code
        assert (await reception.post(f"{API}/clinics/{code}/tokens", json={})).status in (404, 422), code
    for move in MOVES:
        await post(nurse, f"/tokens/{GHOST}/{move}", {}, 404)
        assert (await nurse.post(f"{API}/tokens/7/{move}", json={})).status in (404, 422)
        await post(nurse, f"/tokens/{token.id}/{move}", {"reason": "x"}, 422)
    for path, body in (
        ("call", {}),
        ("call", {"counter": "g1"}),
        ("call", {"counter": "G1\u0001"}),
        ("transfer", {"clinic": 7}),
        ("cancel", {}),
        ("cancel", {"reason": "x"}),
        ("cancel", {"reason": "abc\u0001"}),
        ("cancel", {"reason": "x" * 501}),
    ):
        await post(nurse, f"/tokens/{token.id}/{path}", body, 422)
    await post(nurse, f"/tokens/{token.id}/call", {"counter": "X9"}, 403)
    for day in ("2026-13-01", "today", "0000-00-00", "2026-03-02T00:00:00Z"):
        assert (await reception.get(f"{API}/clinics/GEN/days/{day}")).status in (404, 422), day
    for asked in ("state=lost", "day=1", "limit=0", "limit=100000", "cursor=x", "cursor=e30", "surprise=1"):
        problem = await get(reception, f"/clinics/GEN/tokens?{asked}", 422)
        assert problem["code"] == "invalid", asked
    for far in ("0001-01-01", "9999-12-31"):
        assert (await get(reception, f"/clinics/GEN/days/{far}"))["last_number"] == 0
        assert (await get(reception, f"/clinics/GEN/queue?day={far}"))["tokens"] == []


async def test_nobody_reads_or_writes_without_signing_in(opd: Opd, client_as: ClientFactory) -> None:
    token, stranger = await opd.issue(), await client_as()
    for path in ("/clinics", "/clinics/GEN/queue", f"/tokens/{token.id}"):
        await get(stranger, path, 401)
    for path in ("/clinics/GEN/tokens", f"/tokens/{token.id}/hold", "/clinics/GEN/day-end"):
        await post(stranger, path, {}, 401)
