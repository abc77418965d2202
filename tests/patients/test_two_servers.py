"""The rules about patients attacked by fifty commands at once over two server processes, and by SQL."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital, Stores
from hms_rt.config import Settings
from hms_rt.departments.opd.schemas.queue import ClinicIn
from hms_rt.departments.patients.model.identifier import IdentifierType
from hms_rt.departments.patients.schemas import EntryNew, MergeIn, PatientNew, UndoMerge
from hms_rt.departments.patients.schemas.allergies import AllergyIn
from hms_rt.departments.patients.schemas.details import IdentifierIn
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.storage.postgres import violated
from tests.cli.processes import configured, serving
from tests.conftest import PASSWORD, PersonFactory, WardFactory, command

MANY = 50
TABLES = ("ipd_admission", "opd_token", "patients_allergy", "patients_record_entry")


@pytest_asyncio.fixture
async def hospital(settings: Settings, stores: Stores) -> AsyncIterator[Hospital]:
    """Not started: the servers of the test do the work, and it prepares and looks."""
    made = Hospital(settings, stores)
    yield made
    await made.close()


async def query(hospital: Hospital, statement: str, **parameters: object) -> list[Any]:
    async with hospital.engine.begin() as connection:
        result = await connection.execute(text(statement), parameters)
        return list(result.all()) if result.returns_rows else []


@dataclass
class Pair:
    """Two servers on one database, and somebody of each role signed in at both."""

    sessions: dict[Role, list[aiohttp.ClientSession]]

    async def post(self, number: int, role: Role, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        session = self.sessions[role][number % 2]
        async with session.post(f"/api/v1{path}", json=body) as answer:
            return answer.status, await answer.json()

    async def at_once(self, asked: list[tuple[Role, str, dict[str, Any]]]) -> list[tuple[int, Any]]:
        """Fifty commands at once, every other one at the other server."""
        assert len(asked) == MANY
        return await asyncio.gather(*(self.post(number, *each) for number, each in enumerate(asked)))


@pytest_asyncio.fixture
async def pair(
    hospital: Hospital, stores: Stores, person: PersonFactory, ward: WardFactory, tmp_path: Path
) -> AsyncIterator[Pair]:
    await ward("ICU", beds=1)
    await hospital.services.opd.define_clinic(SYSTEM, command(), ClinicIn(code="GEN", name="General"))
    async with AsyncExitStack() as stack:
        environment = configured(stores)
        served = await asyncio.gather(
            *(stack.enter_async_context(serving(tmp_path, environment)) for _ in range(2))
        )
        sessions: dict[Role, list[aiohttp.ClientSession]] = {}
        for role in (Role.ADMIN, Role.RECEPTION, Role.DOCTOR):
            await person(role, username=role.value, ward="ICU", clinic="GEN")
            for one in served:
                await one.until("serving")
                session = aiohttp.ClientSession(one.url, cookie_jar=aiohttp.CookieJar(unsafe=True))
                await stack.enter_async_context(session)
                signed = {"username": role.value, "password": PASSWORD}
                async with session.post("/api/v1/auth/login", json=signed) as answer:
                    assert answer.status == 200
                sessions.setdefault(role, []).append(session)
        yield Pair(sessions)


async def register(hospital: Hospital, number: int) -> uuid.UUID:
    new = PatientNew(family_name=f"Person{number}", confirm_new="one of several for a test")
    return (await hospital.services.patients.register(SYSTEM, command(), new)).id


async def test_fifty_desks_register_one_person_once_and_give_one_number_once(
    hospital: Hospital, pair: Pair
) -> None:
    spelled = ("Müller", "Mueller", "MULLER", "Muler")
    wanted = [
        (
            Role.RECEPTION,
            "/patients",
            {"family_name": spelled[number % 4], "given_name": "Jo", "birth_date": "1971-04-09"},
        )
        for number in range(MANY)
    ]
    answers = await pair.at_once(wanted)
    assert Counter(status for status, _ in answers) == {201: 1, 409: 49}
    (only,) = await query(hospital, "SELECT id FROM patients_patient")
    assert {
        body["candidates"][0]["id"] for _, body in answers if body.get("code") == "possible_duplicate"
    } == {str(only.id)}

    people = [only.id, *[await register(hospital, number) for number in range(4)]]
    card = {"type": "passport", "issuer": "AT", "value": "P 123 456"}
    given = [(Role.RECEPTION, f"/patients/{people[n % 5]}/identifiers", card) for n in range(MANY)]
    assert Counter(status for status, _ in await pair.at_once(given)) == {201: 1, 409: 49}


async def test_fifty_merges_undos_and_pieces_of_work_at_once_leave_nothing_with_the_merged(
    hospital: Hospital, pair: Pair
) -> None:
    people = [await register(hospital, number) for number in range(6)]
    standing = [
        (await hospital.services.patients.merge(
            SYSTEM, command(), people[0], MergeIn(from_id=await register(hospital, n), reason="twice")
        )).id
        for n in (10, 11)
    ]  # fmt: skip
    asked: list[tuple[Role, str, dict[str, Any]]] = []
    for number in range(MANY):
        mine, other = people[number % 6], people[(number * 5 + number // 6 + 1) % 6]
        kinds = (
            (Role.ADMIN, f"/patients/{mine}/merge", {"from_id": str(other), "reason": "one person"}),
            (Role.DOCTOR, "/admissions", {"patient_id": str(mine), "ward": "ICU", "reason": "sepsis"}),
            (Role.RECEPTION, "/clinics/GEN/tokens", {"patient_id": str(mine)}),
            (Role.ADMIN, f"/patient-merges/{standing[number % 2]}/undo", {"reason": "two people"}),
            (Role.DOCTOR, f"/patients/{mine}/allergies", {"substance": f"drug {number}"}),
        )
        asked.append(kinds[number % 5])
    answers = await pair.at_once(asked)
    statuses = Counter(status for status, _ in answers)
    assert set(statuses) <= {200, 201, 403, 409, 422}, statuses
    merged = [body for (status, body), (_, path, _) in zip(answers, asked, strict=True)
              if status == 201 and path.endswith("/merge")]  # fmt: skip
    assert merged, statuses
    assert len([status for (status, _), (_, path, _) in zip(answers, asked, strict=True)
                if "undo" in path and status == 200]) == 2  # fmt: skip

    async def of_the_merged() -> int:
        found = 0
        for table in TABLES:
            found += len(await query(
                hospital, f"SELECT 1 FROM {table} t JOIN patients_patient p ON p.id = t.patient_id"
                " WHERE p.merged_into IS NOT NULL"
            ))  # fmt: skip
        return found

    assert await of_the_merged() == 0
    open_twice = (
        "SELECT patient_id FROM ipd_admission WHERE state = 'requested' GROUP BY 1 HAVING count(*) > 1"
    )
    assert await query(hospital, open_twice) == []
    standing_merges = "SELECT id FROM patients_merge WHERE undone_at IS NULL ORDER BY merged_at DESC, id DESC"
    for row in await query(hospital, standing_merges):
        why = UndoMerge(reason="all of it was a test")
        await hospital.services.patients.undo_merge(SYSTEM, command(), row.id, why)
    assert await query(hospital, "SELECT 1 FROM patients_patient WHERE merged_into IS NOT NULL") == []
    made = [(body["id"], asked_for[2]["patient_id"]) for (status, body), asked_for
            in zip(answers, asked, strict=True) if status == 201 and "/merge" not in asked_for[1]
            and "patient_id" in asked_for[2]]  # fmt: skip
    rows = await query(
        hospital, "SELECT id, patient_id FROM ipd_admission UNION SELECT id, patient_id FROM opd_token"
    )
    assert {(str(row.id), str(row.patient_id)) for row in rows} == set(made)


async def breaks(rule: str, hospital: Hospital, statement: str, **parameters: object) -> None:
    with pytest.raises(IntegrityError) as raised:
        await query(hospital, statement, **parameters)
    assert rule in (violated(raised.value) or str(raised.value)), raised.value


NEW_MERGE = (
    "INSERT INTO patients_merge (id, from_id, into_id, reason, merged_at, merged_by)"
    " VALUES (gen_random_uuid(), :a, :b, 'x', now(), gen_random_uuid())"
)
POINT = "UPDATE patients_patient SET merged_into = :b WHERE id = :a"
WORK = (
    "INSERT INTO ipd_admission (id, patient_id, ward_code, state, reason, requested_by, requested_at,"
    " recorded_at, version) SELECT gen_random_uuid(), :a, 'ICU', 'requested', 'x', :a, now(), now(), 1",
    "INSERT INTO lab_order (id, patient_id, patient_name, mrn, ward, ordered_by, priority, ordered_at,"
    " recorded_at) SELECT gen_random_uuid(), :a, 'x', 'x', 'ICU', :a, 'routine', now(), now()",
    "INSERT INTO patients_contact SELECT gen_random_uuid(), :a, 'other', 'x', '', '', '', '', true, 1, now()",
    "UPDATE patients_identifier SET patient_id = :a",
)


async def test_the_database_keeps_merges_and_history_whoever_writes_to_it(
    hospital: Hospital, ward: WardFactory
) -> None:
    await ward("ICU", beds=1)
    service = hospital.services.patients
    a, b, c = [await register(hospital, number) for number in range(3)]
    card = IdentifierIn(type=IdentifierType.PASSPORT, issuer="AT", value="P 1")
    await service.add_identifier(SYSTEM, command(), b, card)
    await service.add_allergy(SYSTEM, command(), b, AllergyIn(substance="latex"))
    note = EntryNew(kind="note", body={"text": "slept well"})
    await service.append(SYSTEM, command(), b, note)
    await breaks("patients_merge_pointer_check", hospital, POINT, a=a, b=b)
    await breaks("patients_merge_pointer_check", hospital, NEW_MERGE, a=a, b=b)
    await breaks("patients_patient_merged_into_check", hospital, POINT, a=a, b=a)
    await breaks("patients_merge_two_check", hospital, NEW_MERGE, a=a, b=a)

    merged = await service.merge(SYSTEM, command(), b, MergeIn(from_id=a, reason="twice"))
    await breaks("patients_patient_survivor_check", hospital, POINT, a=b, b=a)
    await breaks("patients_patient_survivor_check", hospital, POINT, a=c, b=a)
    await breaks("patients_merge_from_id_key", hospital, NEW_MERGE, a=a, b=c)
    await breaks("patients_merge_pointer_check", hospital, POINT, a=a, b=c)
    for statement in WORK:
        await breaks("patients_patient_merged_check", hospital, statement, a=a)
    for statement in (
        "UPDATE patients_merge SET reason = 'y'",
        "UPDATE patients_merge SET into_id = from_id",
        "DELETE FROM patients_merge",
        "DELETE FROM patients_repoint",
        "UPDATE patients_record_entry SET patient_id = :c",
        "UPDATE patients_record_entry SET author = :c",
        "DELETE FROM patients_record_entry",
        "UPDATE patients_allergy SET patient_id = :c",
        "UPDATE patients_allergy SET status = 'refuted'",
        "DELETE FROM patients_allergy",
        "UPDATE patients_identifier SET value = 'P 2'",
        "DELETE FROM patients_identifier",
    ):
        await breaks("append-only", hospital, statement, c=c)
    await service.undo_merge(SYSTEM, command(), merged.id, UndoMerge(reason="two people"))
    await breaks("append-only", hospital, "UPDATE patients_merge SET undo_reason = 'again'")
    twice = (
        "INSERT INTO patients_identifier (id, patient_id, type, issuer, value, compared, recorded_at,"
        " recorded_by) SELECT gen_random_uuid(), :c, type, issuer, value, compared, now(), :c"
        " FROM patients_identifier"
    )
    await breaks("patients_identifier_exclusive_key", hospital, twice, c=c)
    alone = "UPDATE patients_patient SET died_at = now() WHERE id = :c"
    await breaks("patients_patient_death_check", hospital, alone, c=c)
