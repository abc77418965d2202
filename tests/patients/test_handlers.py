"""REST of patients, end to end."""

import uuid
from typing import Any

import pytest

from hms_rt.kernel.principal import Role
from tests.conftest import ClientFactory

PATIENTS = "/api/v1/patients"


async def test_register_read_correct_and_find(client_as: ClientFactory) -> None:
    reception = await client_as(Role.RECEPTION)
    made = await reception.post(PATIENTS, json={"family_name": "Çelik", "birth_date": "1980-02-29"})
    patient = await made.json()
    assert (made.status, made.headers["ETag"]) == (201, '"1"')
    assert made.headers["Location"] == f"{PATIENTS}/{patient['id']}"

    path = made.headers["Location"]
    assert (await reception.get(path, headers={"If-None-Match": '"1"'})).status == 304
    assert (await reception.patch(path, json={"phone": "1234"})).status == 428
    changed = await reception.patch(path, json={"phone": "0664 1234"}, headers={"If-Match": '"1"'})
    assert (changed.status, (await changed.json())["version"]) == (200, 2)
    stale = await reception.patch(path, json={"phone": "1"}, headers={"If-Match": '"1"'})
    assert stale.status == 422
    stale = await reception.patch(path, json={"phone": "4321"}, headers={"If-Match": '"1"'})
    assert stale.status == 412

    for query in ({"name": "CELIK"}, {"phone": "1234"}, {"mrn": patient["mrn"]}):
        found = await (await reception.get(PATIENTS, params=query)).json()
        assert [item["id"] for item in found["items"]] == [patient["id"]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"unidentified": True, "family_name": "Doe"},
        {"family_name": "Doe", "mrn": "MRN-12345678"},
        {"family_name": "Doe", "phone": "call me"},
        {"family_name": "Doe", "birth_date": "2300-01-01"},
        {"family_name": "Doe", "sex": "?"},
        {"family_name": "Doe", "species": "cat"},
    ],
)
async def test_odd_registrations_are_refused_with_the_reason(
    client_as: ClientFactory, body: dict[str, Any]
) -> None:
    answer = await (await client_as(Role.RECEPTION)).post(PATIENTS, json=body)
    assert answer.status == 422
    assert (await answer.json())["code"] == "invalid"


async def test_names_that_unfold_to_many_letters_fit_the_index(client_as: ClientFactory) -> None:
    reception = await client_as(Role.RECEPTION)
    name = "\ufdfa" * 120
    answer = await reception.post(PATIENTS, json={"family_name": name, "given_name": name})
    assert answer.status == 201
    assert len((await (await reception.get(PATIENTS, params={"name": name})).json())["items"]) == 1


async def test_a_search_names_exactly_one_criterion(client_as: ClientFactory) -> None:
    admin = await client_as(Role.ADMIN)
    for query in ({}, {"name": "a", "mrn": "b"}, {"phone": "1"}, {"name": "a", "cursor": "AAAA"}):
        assert (await admin.get(PATIENTS, params=query)).status == 422, query


async def test_a_doctor_of_elsewhere_reads_the_record_by_breaking_the_glass(client_as: ClientFactory) -> None:
    admin, doctor = await client_as(Role.ADMIN), await client_as(Role.DOCTOR)
    patient = await (await admin.post(PATIENTS, json={"unidentified": True})).json()
    record = f"{PATIENTS}/{patient['id']}/record"
    note = {"kind": "note", "body": {"text": "found in the lift"}}

    assert (await doctor.post(record, json=note)).status == 403
    assert (await doctor.get(record)).status == 403
    assert (await doctor.get(record, headers={"Break-Glass-Reason": "x"})).status == 422
    opened = await doctor.get(record, headers={"Break-Glass-Reason": "bewusstlos, ben%C3%B6tigt Hilfe"})
    assert (opened.status, await opened.json()) == (200, {"items": [], "next_cursor": None})
    trail = await (await admin.get("/api/v1/audit", params={"action": "record.break"})).json()
    assert [line["detail"]["reason"] for line in trail["items"]] == ["bewusstlos, benötigt Hilfe"]
    assert trail["items"][0]["patient_id"] == patient["id"]


async def test_who_does_not_exist_is_not_found(client_as: ClientFactory) -> None:
    admin = await client_as(Role.ADMIN)
    assert (await admin.get(f"{PATIENTS}/{uuid.uuid4()}")).status == 404
