"""REST of inpatients: the journey over HTTP, and input that must be refused without a change."""

import uuid
from typing import Any

from aiohttp.test_utils import TestClient

from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory, WardFactory
from tests.ipd.conftest import Journeys, Query

API = "/api/v1/admissions"
Client = TestClient[Any, Any]


async def post(client: Client, path: str, body: Any, status: int = 200, **headers: str) -> dict[str, Any]:
    answer = await client.post(f"{API}{path}", json=body, headers=headers)
    assert answer.status == status, await answer.text()
    return dict(await answer.json())


async def test_a_patient_comes_moves_and_leaves(
    client_as: ClientFactory, ward: WardFactory, journeys: Journeys
) -> None:
    first, second = await ward("ICU", beds=2)
    doctor = await client_as(Role.DOCTOR, ward="ICU")
    nurse = await client_as(Role.NURSE, ward="ICU")
    patient = str(await journeys.patient("Curie"))

    asked = await doctor.post(API, json={"patient_id": patient, "ward": "ICU", "reason": "sepsis"})
    assert asked.status == 201, await asked.text()
    admission = await asked.json()
    path = f"/{admission['id']}"
    assert asked.headers["Location"] == f"{API}{path}"
    assert asked.headers["ETag"] == '"1"'
    assert admission["stays"] == []

    await post(nurse, f"{path}/accept", {})
    here = await post(nurse, f"{path}/assign", {"bed_id": str(first.id)})
    assert here["state"] == "admitted"
    stale = await post(nurse, f"{path}/transfer", {"ward": "ICU"}, 412, **{"If-Match": '"1"'})
    assert stale["code"] == "stale_version"
    moved = await post(nurse, f"{path}/transfer", {"bed_id": str(second.id), "contaminated": True})
    assert [stay["bed"] for stay in moved["stays"]] == ["01", "02"]
    early = await post(nurse, f"{path}/depart", {"disposition": "home"}, 409)
    assert "no discharge is ordered" in early["detail"]
    await post(doctor, f"{path}/discharge-order", {})
    await post(doctor, f"{path}/revoke-discharge", {})
    await post(doctor, f"{path}/discharge-order", {"disposition": "home"})
    gone = await post(nurse, f"{path}/depart", {"disposition": "home"})
    assert (gone["state"], gone["disposition"]) == ("discharged", "home")
    again = await post(nurse, f"{path}/depart", {"disposition": "home"}, 409)
    assert (again["code"], again["state"]) == ("illegal_move", "discharged")
    assert again["legal"] == ["cancel_discharge"]

    shown = await nurse.get(f"{API}{path}")
    assert (await shown.json()) == gone
    history = await (await nurse.get(f"{API}{path}/history")).json()
    assert len(history["events"]) == 8
    bed = await (await nurse.get(f"/api/v1/beds/{first.id}")).json()
    assert bed["status"] == "contaminated"


async def test_mistakes_are_taken_back_over_rest(
    client_as: ClientFactory, ward: WardFactory, journeys: Journeys
) -> None:
    first, _ = await ward("ICU", beds=2)
    nurse = await client_as(Role.NURSE, ward="ICU")
    why = {"reason": "wrong patient"}
    asked = await journeys.requested()
    cancelled = await post(nurse, f"/{asked.id}/cancel", why)
    assert cancelled["state"] == "cancelled"
    here = await journeys.admitted(first.id)
    await post(nurse, f"/{here.id}/cancel-discharge", why, 409)
    await post(nurse, f"/{here.id}/cancel-transfer", why, 409)
    assert (await post(nurse, f"/{here.id}/cancel-admit", why))["state"] == "accepted"


async def test_reception_gets_the_minimum(
    client_as: ClientFactory, ward: WardFactory, journeys: Journeys
) -> None:
    (bed,) = await ward("ICU", beds=1)
    gone = await journeys.discharged(bed.id)
    desk = await client_as(Role.RECEPTION)
    listed = await (await desk.get(f"{API}?ward=ICU&state=discharged&patient_id={gone.patient_id}")).json()
    (item,) = listed["items"]
    assert item["mrn"] == gone.mrn
    assert (item["reason"], item["disposition"], item["planned_disposition"]) == (None, None, None)
    for role in (Role.LAB, Role.PHARMACY):
        assert (await (await client_as(role)).get(API)).status == 403


NO = "00000000-0000-7000-8000-000000000000"
BAD: list[tuple[str, Any, int]] = [
    ("", {"patient_id": NO, "ward": "ICU", "reason": "x"}, 400),
    ("", {"patient_id": "nobody", "ward": "ICU", "reason": "sepsis"}, 400),
    ("", {"patient_id": NO, "ward": "ICU", "reason": "sepsis", "bed": 1}, 400),
    ("", {"patient_id": NO, "ward": "ICU", "reason": "sep\u0000sis"}, 400),
    ("", {"patient_id": NO, "ward": "ICU", "reason": "sepsis", "occurred_at": "yesterday"}, 400),
    ("", {"patient_id": NO, "ward": "ICU", "reason": "sepsis"}, 404),
    (f"/{NO}/accept", {}, 404),
    ("/nothing/accept", {}, 404),
    ("/{id}/assign", {}, 400),
    ("/{id}/assign", {"bed_id": NO, "ward": "ICU"}, 400),
    ("/{id}/assign", {"bed_id": 7}, 400),
    ("/{id}/assign", {"bed_id": NO}, 404),
    ("/{id}/assign", {"ward": "NONE"}, 404),
    ("/{id}/assign", {"ward": "icu"}, 400),
    ("/{id}/transfer", {"ward": "ICU"}, 409),
    ("/{id}/transfer", {"ward": "ICU", "contaminated": "maybe"}, 400),
    ("/{id}/depart", {"disposition": "vanished"}, 400),
    ("/{id}/depart", {"disposition": "left"}, 409),
    ("/{id}/discharge-order", {"disposition": "died"}, 400),
    ("/{id}/cancel", {}, 400),
    ("/{id}/accept", [], 400),
]


async def test_bad_input_is_told_and_changes_nothing(
    client_as: ClientFactory, ward: WardFactory, journeys: Journeys, query: Query
) -> None:
    await ward("ICU", beds=1)
    waiting = await journeys.accepted()
    somebody = await client_as(Role.ADMIN, Role.DOCTOR, Role.NURSE, ward="ICU")
    count = "SELECT (SELECT count(*) FROM ipd_event), (SELECT count(*) FROM ipd_stay)"
    before = await query(count)
    for path, body, status in BAD:
        answer = await somebody.post(f"{API}{path.format(id=waiting.id)}", json=body)
        problem = await answer.json()
        expected = {400, 422} if status == 400 else {status}
        assert answer.status in expected, (path, body, problem)
        assert problem["detail"]
        assert await query(count) == before, (path, body)


async def test_bad_queries_are_told(client_as: ClientFactory) -> None:
    desk = await client_as(Role.RECEPTION)
    for query in ("state=gone", "cursor=x", f"cursor={'eyJ9'}", "limit=0", "patient_id=me", "name=x"):
        assert (await desk.get(f"{API}?{query}")).status in {400, 422}, query
    assert (await desk.get(f"{API}/{uuid.uuid4()}")).status == 404
    assert (await (await client_as()).get(API)).status == 401
