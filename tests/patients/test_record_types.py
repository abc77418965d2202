"""Kinds of record entries: built in, added to, and defined by the hospital."""

import asyncio
import base64
import hashlib
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from hms_rt.app import Hospital
from hms_rt.departments.patients.model.entry import MAX_ATTACHMENT
from hms_rt.departments.patients.model.record_type import BUILT_IN, WrittenAs
from hms_rt.departments.patients.model.schema_rules import check_pattern, check_schema
from hms_rt.departments.patients.schemas import EntryNew, EntryQuery, PatientOut, Retraction
from hms_rt.departments.patients.schemas.record import ContextRef
from hms_rt.departments.patients.schemas.record_types import RecordTypeChange, RecordTypeIn, RecordTypeQuery
from hms_rt.departments.patients.service import ContextKind, PatientsService
from hms_rt.departments.patients.service.validation import check_against, check_definition
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Principal, Role
from hms_rt.storage.unit_of_work import UnitOfWork
from tests.conftest import PersonFactory, command
from tests.patients.conftest import Registered, Wards

WOUND: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"size": {"type": "string", "format": "decimal"}},
    "properties": {
        "site": {"enum": ["heel", "sacrum"]},
        "grade": {"type": "integer", "minimum": 1, "maximum": 4},
        "length_cm": {"$ref": "#/$defs/size"},
        "seen_on": {"type": "string", "format": "date"},
        "batch": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{4,6}$"},
    },
    "required": ["site", "grade"],
    "additionalProperties": False,
}
HEEL = {"site": "heel", "grade": 2, "length_cm": "2.5", "seen_on": "2026-03-02", "batch": "AB1234"}
CHART = RecordTypeIn(code="wound", name="Wound chart", written_as=WrittenAs.NOTE, body_schema=WOUND)


@pytest.fixture
async def patient(registered: Registered) -> PatientOut:
    return await registered()


@pytest.fixture
async def nurse(person: PersonFactory, wards: Wards, patient: PatientOut) -> Principal:
    made = await person(Role.NURSE)
    wards.give(made, patient)
    return made


async def refused(code: Code, doing: Any) -> HmsError:
    with pytest.raises(HmsError) as raised:
        await doing
    assert raised.value.code is code, raised.value
    return raised.value


def test_what_is_built_in_keeps_the_rules_that_a_hospital_keeps() -> None:
    for _, schema in BUILT_IN.values():
        check_schema(schema)
        check_definition(schema)


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "string"},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"properties": {"a": {"$ref": "https://example.org/schema"}}},
        {"properties": {"a": {"$ref": "#/$defs/missing"}}},
        {"properties": {"a": {"$ref": "#"}}},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"items": {"$ref": "#/$defs/a"}}}},
        {
            "$defs": {"a": {"type": "string"}}
            | {
                f"a{n}": {"allOf": [{"$ref": f"#/$defs/{'a' if n == 1 else f'a{n - 1}'}"}] * 2}
                for n in range(1, 20)
            }
        },
        {"patternProperties": {"(a+)+": {}}},
        {"properties": {"a": {"pattern": "^(a+)+$"}}},
        {"properties": {"a": {"pattern": "a"}}},
        {"properties": {"Upper": {}}},
        {"properties": {"a": {"format": "regex"}}},
        {"properties": {"a": {"multipleOf": 0.1}}},
        {"properties": {"a": {"type": "text"}}},
        {"properties": []},
        {"anyOf": []},
        {"$dynamicRef": "#a"},
        {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {"not": {
            "not": {}}}}}}}}}}}}}},
        {"description": "x" * 40_000},
    ],
    ids=lambda broken: str(broken)[:40],
)  # fmt: skip
def test_a_schema_that_could_stall_or_mislead_the_server_is_refused(broken: dict[str, Any]) -> None:
    schema = {"type": "object", **broken}
    with pytest.raises(HmsError) as raised:  # noqa: PT012 - whichever of the two finds it
        check_schema(schema)
        check_definition(schema)
    assert raised.value.code is Code.INVALID


@pytest.mark.parametrize(
    "pattern",
    ["^(a|a)*$", "^(a*)*$", "^a*a*a*a*$", r"^(\w+)\1$", "^(?=a)$", "^[a$", "^a{1000}$", "^a", "a$", 5],
)
def test_a_pattern_that_could_take_long_is_refused(pattern: object) -> None:
    with pytest.raises(HmsError):
        check_pattern("", pattern)


@pytest.mark.parametrize("pattern", ["^[A-Z]{2}[0-9]+$", r"^\d{1,3}\.\d$", "^(left|right)$", "^a?b*$"])
def test_an_everyday_pattern_is_fine(pattern: str) -> None:
    check_pattern("", pattern)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("site", "hand"),
        ("grade", 5),
        ("grade", True),
        ("length_cm", "two"),
        ("seen_on", "yesterday"),
        ("batch", "ab1234"),
        ("batch", "A" * 300),
        ("colour", "red"),
    ],
)
def test_a_body_is_told_what_rule_it_breaks_and_is_not_echoed(field: str, value: object) -> None:
    check_against(WOUND, HEEL)
    with pytest.raises(HmsError) as raised:
        check_against(WOUND, {**HEEL, field: value})
    told = str(raised.value.fields)
    assert not [word for word in ("yesterday", "ab1234", "two") if word in told]
    assert raised.value.code is Code.INVALID


async def test_a_hospital_defines_a_kind_and_entries_keep_its_version(
    patients: PatientsService, nurse: Principal, patient: PatientOut, hospital: Hospital
) -> None:
    entry = EntryNew(kind="wound", body=HEEL)
    await refused(Code.INVALID, patients.append(nurse, command(), patient.id, entry))
    await patients.define_record_type(SYSTEM, command(), CHART)
    await refused(Code.CONFLICT, patients.define_record_type(SYSTEM, command(), CHART))
    nobody = CHART.model_copy(update={"code": "other", "written_as": None})
    await refused(Code.INVALID, patients.define_record_type(SYSTEM, command(), nobody))

    first = await patients.append(nurse, command(), patient.id, entry)
    assert (first.kind, first.schema_version) == ("wound", 1)
    bad = entry.model_copy(update={"body": {"site": "heel"}})
    told = await refused(Code.INVALID, patients.append(nurse, command(), patient.id, bad))
    assert told.fields["problems"] == [{"field": "body", "problem": "needs grade"}]

    stricter = {**WOUND, "required": ["site", "grade", "batch"]}
    change = RecordTypeChange(body_schema=stricter)
    await refused(Code.VERSION_REQUIRED, patients.change_record_type(SYSTEM, command(), "wound", change))
    await patients.change_record_type(SYSTEM, command(expected_version=1), "wound", change)
    second = await patients.append(nurse, command(), patient.id, entry)
    assert second.schema_version == 2
    read = (await patients.list_entries(nurse, command(), patient.id, EntryQuery(kind="wound"))).items
    assert [(item.schema_version, item.body) for item in read] == [(2, HEEL), (1, HEEL)]
    assert (await patients.record_type(nurse, "wound", 1)).body_schema == WOUND

    off = RecordTypeChange(active=False)
    await patients.change_record_type(SYSTEM, command(expected_version=2), "wound", off)
    await refused(Code.INVALID, patients.append(nurse, command(), patient.id, entry))
    wrong = await patients.retract(nurse, command(), patient.id, first.id, Retraction(reason="wrong leg"))
    assert wrong.schema_version == 1
    page = await patients.record_types(nurse, RecordTypeQuery(limit=200))
    assert [item.code for item in page.items] == sorted([*map(str, BUILT_IN), "wound"])
    for statement in (
        "UPDATE patients_record_type_version SET name = 'x'",
        "DELETE FROM patients_record_type_version",
        "UPDATE patients_record_type SET code = 'note'",
        "UPDATE patients_record_type SET written_as = NULL",
        "UPDATE patients_record_entry SET schema_version = 2",
        "UPDATE patients_record_entry SET patient_id = gen_random_uuid()",
        "DELETE FROM patients_record_entry",
    ):
        with pytest.raises(IntegrityError):
            async with hospital.engine.begin() as connection:
                await connection.execute(text(statement))


async def test_a_hospital_adds_to_a_built_in_kind(
    patients: PatientsService, nurse: Principal, patient: PatientOut
) -> None:
    more = RecordTypeIn(
        code="vitals",
        name="Vital signs",
        body_schema={"type": "object", "properties": {"mews": {"type": "integer"}}, "required": ["mews"]},
    )
    await patients.define_record_type(SYSTEM, command(), more)
    bare = EntryNew(kind="vitals", body={"heart_rate": 88})
    await refused(Code.INVALID, patients.append(nurse, command(), patient.id, bare))
    for body, fine in (({"heart_rate": 88, "mews": 2}, True), ({"heart_rate": 888, "mews": 2}, False)):
        entry = EntryNew(kind="vitals", body=body)
        if fine:
            assert (await patients.append(nurse, command(), patient.id, entry)).schema_version == 1
        else:
            await refused(Code.INVALID, patients.append(nurse, command(), patient.id, entry))
    doctors = EntryNew(kind="medical_note", body={"text": "stable"})
    await refused(Code.FORBIDDEN, patients.append(nurse, command(), patient.id, doctors))


async def test_a_definition_changed_meanwhile_is_read_anew(
    patients: PatientsService, nurse: Principal, patient: PatientOut
) -> None:
    await patients.define_record_type(SYSTEM, command(), CHART)
    entry = EntryNew(kind="wound", body=HEEL)
    changes = [
        patients.change_record_type(
            SYSTEM, command(expected_version=1), "wound", RecordTypeChange(name=f"Chart {number}")
        )
        for number in range(5)
    ]
    writes = [patients.append(nurse, command(), patient.id, entry) for _ in range(10)]
    outcomes = await asyncio.gather(*writes, *changes, return_exceptions=True)
    told = [one for one in outcomes if isinstance(one, HmsError)]
    assert {one.code for one in told} <= {Code.CONFLICT, Code.STALE_VERSION}
    assert len([one for one in outcomes[10:] if not isinstance(one, BaseException)]) == 1
    assert not [one for one in outcomes if isinstance(one, BaseException) and one not in told]


async def test_a_document_carries_what_is_attached_and_lists_leave_it_out(
    patients: PatientsService, nurse: Principal, patient: PatientOut
) -> None:
    scan = b"%PDF-1.7 " * 9_000
    body = {
        "title": "Referral",
        "media_type": "application/pdf",
        "content": base64.b64encode(scan).decode(),
    }
    made = await patients.append(nurse, command(), patient.id, EntryNew(kind="document", body=body))
    (listed,) = (await patients.list_entries(nurse, command(), patient.id, EntryQuery())).items
    measured = {"size": len(scan), "sha256": hashlib.sha256(scan).hexdigest()}
    assert listed.body == {"title": "Referral", "media_type": "application/pdf", **measured}
    assert (await patients.get_entry(nurse, command(), patient.id, made.id)).body == {**body, **measured}
    for wrong in (
        {**body, "content": "not base64!"},
        {**body, "content": base64.b64encode(bytes(MAX_ATTACHMENT + 3)).decode()},
        {"title": "x", "content": "QUJD"},
        {**body, "media_type": "text/html"},
        {**body, "content": ""},
    ):
        with pytest.raises(HmsError) as raised:
            await patients.append(nurse, command(), patient.id, EntryNew(kind="document", body=wrong))
        assert raised.value.code in (Code.INVALID, Code.TOO_LARGE)


async def test_an_entry_is_written_inside_another_departments_transaction_or_not_at_all(
    patients: PatientsService, nurse: Principal, patient: PatientOut, hospital: Hospital
) -> None:
    note = EntryNew(kind="nursing_note", body={"text": "slept well"})

    async def work(uow: UnitOfWork) -> None:
        await patients.write_entry(uow, nurse, patient.id, note)

    async def failing(uow: UnitOfWork) -> None:
        await patients.write_entry(uow, nurse, patient.id, note)
        raise HmsError(Code.CONFLICT, "the round was over")

    await hospital.units.execute(nurse, command(), type(None), work)
    await refused(Code.CONFLICT, hospital.units.execute(nurse, command(), type(None), failing))
    assert len((await patients.list_entries(nurse, command(), patient.id, EntryQuery())).items) == 1
    elsewhere = ContextRef(kind=ContextKind.ADMISSION, id=patient.id)
    stray = note.model_copy(update={"context": elsewhere})
    await refused(Code.INVALID, patients.append(nurse, command(), patient.id, stray))
