"""The pharmacy by REST: statuses, problems, decimals as text, and that bad input changes nothing."""

from typing import Any

import pytest_asyncio
from aiohttp.test_utils import TestClient

from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory
from tests.pharmacy.conftest import FORMULARY, Pharmacy, Query, line

Client = TestClient[Any, Any]
API = "/api/v1"


class Staff:
    """HTTP clients of those whom a prescription concerns."""

    def __init__(self, doctor: Client, nurse: Client, pharmacist: Client) -> None:
        self.doctor, self.nurse, self.pharmacist = doctor, nurse, pharmacist


@pytest_asyncio.fixture
async def staff(client_as: ClientFactory) -> Staff:
    return Staff(
        await client_as(Role.DOCTOR, ward="ICU", clinic="GEN"),
        await client_as(Role.NURSE, ward="ICU"),
        await client_as(Role.PHARMACY),
    )


async def post(client: Client, path: str, body: Any, status: int = 200, **headers: str) -> Any:
    answer = await client.post(f"{API}{path}", json=body, headers=headers)
    assert answer.status == status, await answer.text()
    return await answer.json()


async def get(client: Client, path: str, status: int = 200) -> Any:
    answer = await client.get(f"{API}{path}")
    assert answer.status == status, await answer.text()
    return await answer.json()


async def test_a_prescription_by_rest_with_decimals_as_text(pharmacy: Pharmacy, staff: Staff) -> None:
    body = {"patient_id": str(await pharmacy.patient()), "clinic": "GEN", "lines": [line(dose="500.50")]}
    draft = await post(staff.doctor, "/prescriptions", body, 201, **{"Idempotency-Key": "t1"})
    assert await post(staff.doctor, "/prescriptions", body, 201, **{"Idempotency-Key": "t1"}) == draft
    shown = draft["lines"][0]
    assert (shown["dose"], shown["quantity"], shown["dispensed"]) == ("500.5", "15.015", "0")
    path = f"/prescriptions/{draft['id']}"
    assert await get(staff.pharmacist, path) == draft
    await get(staff.nurse, path, 403)
    stale = await post(staff.doctor, f"{path}/activate", {}, 412, **{"If-Match": '"7"'})
    assert stale["code"] == "stale_version"
    active = await post(staff.doctor, f"{path}/activate", {}, 200, **{"If-Match": '"1"'})
    assert active["state"] == "active"
    problem = await post(staff.doctor, f"{path}/activate", {}, 409)
    assert (problem["code"], problem["legal"]) == (
        "illegal_move",
        ["dispense_part", "dispense_rest", "hold", "stop"],
    )
    await post(staff.pharmacist, f"{path}/stop", {"reason": "not ours to say"}, 403)
    again = await post(staff.doctor, "/prescriptions", body, 201)
    warned = await post(staff.doctor, f"/prescriptions/{again['id']}/activate", {}, 409)
    assert [one["kind"] for one in warned["warnings"]] == ["duplicate"]
    override = {"line_id": again["lines"][0]["id"], "kind": "duplicate", "reason": "two wards agreed"}
    await post(staff.doctor, f"/prescriptions/{again['id']}/activate", {"overrides": [override]})


async def test_the_formulary_is_the_pharmacys(pharmacy: Pharmacy, staff: Staff, query: Query) -> None:
    new = {**FORMULARY[0], "code": "AMOX250", "strength": "250", "dose_min": None}
    made = await post(staff.pharmacist, "/pharmacy/formulary", new, 201)
    assert (made["strength"], made["name"]) == ("250", "Amoxicillin 250 mg capsule")
    await post(staff.pharmacist, "/pharmacy/formulary", new, 409)
    await post(staff.doctor, "/pharmacy/formulary", {**new, "code": "X"}, 403)
    path = f"{API}/pharmacy/formulary/AMOX250"
    assert (await staff.pharmacist.patch(path, json={"dose_max": "500"})).status == 428
    changed = await staff.pharmacist.patch(path, json={"dose_max": "500"}, headers={"If-Match": '"1"'})
    assert (changed.status, changed.headers["ETag"]) == (200, '"2"')
    wrong = await staff.pharmacist.patch(path, json={"dose_max": "9000"}, headers={"If-Match": '"2"'})
    assert wrong.status == 422
    assert len(await query("SELECT 1 FROM pharmacy_medicine_version WHERE code = 'AMOX250'")) == 2
    listed = await get(staff.nurse, "/pharmacy/formulary?status=active&limit=2")
    assert [one["code"] for one in listed["items"]] == ["AMOX250", "AMOX500"]
    stores = await get(staff.nurse, "/pharmacy/stores")
    assert [(one["code"], one["ward"]) for one in stores["items"]] == [("ICU-CUP", "ICU"), ("MAIN", None)]


BAD_LINES: tuple[dict[str, Any], ...] = (
    {"dose": 500},
    {"dose": 0.5},
    {"dose": "0"},
    {"dose": "-1"},
    {"dose": "1e3"},
    {"dose": "NaN"},
    {"dose": "0.00001"},
    {"dose": "1234567890"},
    {"dose": "500\n"},
    {"quantity": "0.0"},
    {"route": "by post"},
    {"duration_days": 0},
    {"duration_days": 366},
    {"medicine": "NOPE"},
    {"frequency": {"kind": "times_per_day"}},
    {"frequency": {"kind": "times_per_day", "per_day": 3, "times": ["08:00"]}},
    {"frequency": {"kind": "times_per_day", "times": ["20:00", "08:00"]}},
    {"frequency": {"kind": "times_per_day", "times": ["24:00"]}},
    {"frequency": {"kind": "once", "per_day": 1}},
    {"frequency": {"kind": "every_hours", "every_hours": 0}},
    {"frequency": {"kind": "as_needed"}},
    {"note": "\u0001"},
)


BAD_CONTEXTS: tuple[dict[str, Any], ...] = (
    {"clinic": None},
    {"take_home": True},
    {"lines": []},
    {"clinic": "gen"},
)


async def test_bad_lines_are_refused_and_nothing_is_written(
    pharmacy: Pharmacy, staff: Staff, query: Query
) -> None:
    good = {"patient_id": str(await pharmacy.patient()), "clinic": "GEN"}
    for wrong in BAD_LINES:
        problem = await post(staff.doctor, "/prescriptions", {**good, "lines": [{**line(), **wrong}]}, 422)
        assert problem["code"] == "invalid", wrong
    contexts: tuple[dict[str, Any], ...] = (
        {"clinic": None},
        {"take_home": True},
        {"lines": []},
        {"clinic": "gen"},
    )
    for context in contexts:
        await post(staff.doctor, "/prescriptions", {"lines": [line()], **good, **context}, 422)
    assert await query("SELECT 1 FROM pharmacy_prescription") == []
