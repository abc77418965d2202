"""The laboratory by REST: statuses, problems, pages, and that bad input changes nothing."""

from typing import Any

import pytest_asyncio
from aiohttp.test_utils import TestClient

from hms_rt.departments.lab.model.labtest import LabState
from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory
from tests.lab.conftest import Lab, Query

Client = TestClient[Any, Any]
API = "/api/v1/lab"


class Staff:
    """HTTP clients of those whom the way of a test concerns."""

    def __init__(self, doctor: Client, nurse: Client, lab: Client, second: Client) -> None:
        self.doctor, self.nurse, self.lab, self.second = doctor, nurse, lab, second


@pytest_asyncio.fixture
async def staff(client_as: ClientFactory) -> Staff:
    return Staff(
        await client_as(Role.DOCTOR, ward="ICU"),
        await client_as(Role.NURSE, ward="ICU"),
        await client_as(Role.LAB),
        await client_as(Role.LAB),
    )


async def post(client: Client, path: str, body: Any, status: int = 200, **headers: str) -> Any:
    answer = await client.post(f"{API}{path}", json=body, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def get(client: Client, path: str, status: int = 200) -> Any:
    answer = await client.get(f"{API}{path}")
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_from_the_order_to_the_acknowledged_critical_result(lab: Lab, staff: Staff) -> None:
    patient = str(await lab.patient())
    order = await post(
        staff.doctor, "/orders", {"patient_id": patient, "tests": ["LAC", "CRP"], "ward": "ICU"}, 201
    )
    lactate = order["tests"][0]["id"]
    specimen = await post(staff.nurse, f"/orders/{order['id']}/specimens", {"kind": "blood"}, 201)
    await post(staff.lab, f"/specimens/{specimen['id']}/receive", {})
    await post(staff.lab, f"/tests/{lactate}/start", {})
    entered = await post(staff.lab, f"/tests/{lactate}/result", {"value": "4.0", "comment": "repeated"})
    assert (entered["state"], entered["flag"]) == ("resulted", "critical_high")

    problem = await post(staff.lab, f"/tests/{lactate}/verify", {}, 403)
    assert problem["code"] == "forbidden"
    await post(staff.second, f"/tests/{lactate}/verify", {})
    early = await get(staff.doctor, f"/tests/{lactate}/result")
    assert (early["status"], early["flag"]) == ("preliminary", "critical_high")
    await post(staff.second, f"/tests/{lactate}/release", {})
    read = await get(staff.doctor, f"/tests/{lactate}/result")
    assert (read["value"], read["unit"], read["comment"], read["status"]) == (
        "4.0",
        "mmol/L",
        "repeated",
        "final",
    )
    (alert,) = (await get(staff.doctor, "/alerts"))["items"]
    await post(staff.nurse, f"/alerts/{alert['id']}/relay", {})
    await post(staff.lab, f"/alerts/{alert['id']}/read-back", {})
    await post(staff.nurse, f"/alerts/{alert['id']}/acknowledge", {}, 403)
    taken = await post(staff.doctor, f"/alerts/{alert['id']}/acknowledge", {"note": "seen"})
    assert (taken["state"], taken["note"]) == ("acknowledged", "seen")
    assert (await get(staff.doctor, "/alerts"))["items"] == []
    assert len((await get(staff.doctor, "/alerts?state=acknowledged"))["items"]) == 1
    await post(staff.doctor, f"/alerts/{alert['id']}/close", {})

    await post(staff.lab, f"/tests/{lactate}/correct", {"value": "1.4", "reason": "wrong tube"})
    assert (await get(staff.nurse, f"/tests/{lactate}/result"))["status"] == "corrected"
    assert (await get(staff.nurse, f"/tests/{lactate}/result?version=1"))["value"] == "4.0"
    work = await get(staff.lab, "/worklist?state=received")
    assert [test["test"] for test in work["items"]] == ["CRP"]
    listed = await get(staff.doctor, f"/orders?patient_id={patient}&state=open")
    assert listed["items"] == [await get(staff.doctor, f"/orders/{order['id']}")]


async def test_an_illegal_move_names_the_legal_ones(lab: Lab, staff: Staff) -> None:
    order = await lab.order()
    problem = await post(staff.lab, f"/tests/{order.tests[0].id}/verify", {}, 409)
    assert (problem["code"], problem["state"], problem["legal"]) == (
        "illegal_move",
        "ordered",
        ["cancel", "collect"],
    )


async def test_the_catalogue_is_the_administrators(lab: Lab, client_as: ClientFactory, staff: Staff) -> None:
    admin = await client_as(Role.ADMIN)
    new = {
        "code": "PH.ART",
        "name": "pH",
        "specimen_kind": "blood",
        "unit": "1",
        "decimals": 2,
        "critical_low": "7.10",
    }
    made = await post(admin, "/catalogue", new, 201)
    assert new.items() <= made.items()
    left_out = {name: value for name, value in made.items() if name not in new}
    assert left_out.pop("active") is True
    assert left_out.pop("version") == 1
    assert set(left_out.values()) == {None}
    await post(admin, "/catalogue", new, 409)
    await post(staff.lab, "/catalogue", {**new, "code": "PH2"}, 403)
    path = f"{API}/catalogue/PH.ART"
    assert (await admin.patch(path, json={"critical_low": "7.20"})).status == 428
    changed = await admin.patch(path, json={"critical_low": "7.20"}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    assert (await get(staff.nurse, "/catalogue/PH.ART"))["critical_low"] == "7.20"
    assert (await admin.patch(path, json={"name": "x"}, headers={"If-Match": '"1"'})).status == 412
    await get(staff.lab, "/catalogue/NOPE", 404)


async def test_the_same_key_orders_once(lab: Lab, staff: Staff, query: Query) -> None:
    body = {"patient_id": str(await lab.patient()), "tests": ["LAC"], "ward": "ICU"}
    key = {"Idempotency-Key": "tablet-7"}
    first = await post(staff.doctor, "/orders", body, 201, **key)
    assert await post(staff.doctor, "/orders", body, 201, **key) == first
    assert len(await query("SELECT 1 FROM lab_order")) == 1
    await post(staff.doctor, "/orders", {**body, "tests": ["CRP"]}, 422, **key)


BAD_ORDERS: tuple[dict[str, Any], ...] = (
    {"tests": []},
    {"tests": ["LAC", "LAC"]},
    {"tests": ["lac"]},
    {"tests": ["NOPE"]},
    {"tests": ["L\u0001C"]},
    {"tests": ["LAC"] * 31},
    {"ward": None},
    {"clinic": "GEN"},
    {"ward": "icu"},
    {"priority": "soon"},
    {"patient_id": "7"},
    {"occurred_at": "2099-01-01T00:00:00Z"},
    {"occurred_at": "yesterday"},
    {"surprise": 1},
)


async def test_bad_orders_are_refused_and_nothing_is_ordered(lab: Lab, staff: Staff, query: Query) -> None:
    good = {"patient_id": str(await lab.patient()), "tests": ["LAC"], "ward": "ICU"}
    for wrong in BAD_ORDERS:
        problem = await post(staff.doctor, "/orders", {**good, **wrong}, 422)
        assert problem["code"] == "invalid", wrong
    await post(staff.doctor, "/orders", {}, 422)
    assert await query("SELECT 1 FROM lab_order") == []


async def test_bad_values_are_refused(lab: Lab, staff: Staff, query: Query) -> None:
    order = await lab.order()
    await lab.received(order)
    for value in (1.5, "1.55", "NaN", "", "1\u0001", None):
        problem = await post(staff.lab, f"/tests/{order.tests[0].id}/result", {"value": value}, 422)
        assert problem["code"] == "invalid", value
    assert await query("SELECT 1 FROM lab_result_version") == []


async def test_an_altered_document_is_a_problem_without_a_value(
    lab: Lab, staff: Staff, hospital: Any
) -> None:
    test = await lab.until(LabState.RELEASED)
    await hospital.documents.collection("lab_results").update_one({}, {"$set": {"body.value": "9"}})
    answer = await staff.doctor.get(f"{API}/tests/{test.id}/result")
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (500, "integrity")
    assert "value" not in problem
