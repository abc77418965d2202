"""Two records of one person become one in every department, and two again."""

import uuid
from typing import Any

import pytest

from hms_rt.departments.ipd.schemas import CancelIn
from hms_rt.departments.opd.schemas.queue import TokenIn
from hms_rt.departments.patients.schemas import (
    EntryNew,
    EntryQuery,
    MergeIn,
    MergeOut,
    PatientQuery,
    UndoMerge,
)
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import SYSTEM, Role
from tests.conftest import command
from tests.surface.things import CLINIC
from tests.surface.world import HERE, World


async def merge(world: World, source: uuid.UUID, into: uuid.UUID) -> MergeOut:
    wanted = MergeIn(from_id=source, reason="registered twice")
    return await world.services.patients.merge(SYSTEM, command(), into, wanted)


async def undo(world: World, merge_id: uuid.UUID) -> MergeOut:
    return await world.services.patients.undo_merge(SYSTEM, command(), merge_id, UndoMerge(reason="two"))


async def refused(code: Code, doing: Any) -> HmsError:
    with pytest.raises(HmsError) as raised:
        await doing
    assert raised.value.code is code, raised.value
    return raised.value


async def owners(world: World) -> dict[str, set[uuid.UUID]]:
    """Whose the rows of every department are."""
    tables = ("ipd_admission", "ipd_stay", "beds_occupant", "opd_token", "lab_order", "patients_record_entry")
    return {
        table: {row.patient_id for row in await world.query(f"SELECT patient_id FROM {table}")}
        for table in tables
    }


async def shown(world: World) -> list[Any]:
    """What names and ids the boards' own rows show."""
    return await world.query(
        "SELECT patient_id, name FROM beds_occupant UNION ALL SELECT patient_id, patient_name FROM opd_token"
        " UNION ALL SELECT patient_id, patient_name FROM lab_order"
    )


async def test_everything_moves_to_the_survivor_and_exactly_that_back(world: World) -> None:
    into = await world.patient()
    world.demographics = {"family_name": "Dough", "phone": "0664 778899"}
    source = await world.patient()
    admission = await world.admitted(source)
    await world.waiting(source)
    await world.order(source)
    entry = await world.entry(source.id)
    own = await world.waiting(into)
    before, boards = await owners(world), await shown(world)

    merged = await merge(world, source.id, into.id)
    assert set().union(*(await owners(world)).values()) == {into.id}
    assert {(row.patient_id, row.name) for row in await shown(world)} == {(into.id, into.name)}
    changed = await world.query("SELECT ops::text AS ops FROM change_log WHERE ops::text LIKE '%merged%'")
    assert len(changed) >= 3
    assert all(str(source.id) not in row.ops and "Dough" not in row.ops for row in changed)

    patients = world.services.patients
    for asked in (source.mrn, "0664 778899", "dough"):
        kind = "mrn" if asked == source.mrn else "phone" if asked[0] == "0" else "name"
        (found,) = (await patients.search(SYSTEM, command(), PatientQuery(**{kind: asked}))).items
        assert (found.id, found.merged_from and found.merged_from.mrn) == (into.id, source.mrn)
    assert (await patients.get(SYSTEM, command(), source.id)).id == into.id
    (read,) = (await patients.list_entries(SYSTEM, command(), source.id, EntryQuery())).items
    assert (read.id, read.patient_id, read.body) == (entry.id, into.id, {"text": "slept well"})

    told = await refused(Code.CONFLICT, world.waiting(source))
    assert told.fields["merged_into"] == str(into.id)
    moved = (await patients.get_merge(SYSTEM, command(), merged.id)).moved
    each_one = ("ipd_admission", "billing_stay", "lab_order", "opd_token", "patients_record_entry")
    assert moved == dict.fromkeys(each_one, 1)

    await world.services.opd.issue(SYSTEM, command(), CLINIC, TokenIn(patient_id=into.id))
    # What was written since and belongs to what goes back goes back, too.
    note = {"kind": "note", "body": {"text": "slept badly"}}
    stay = {"context": {"kind": "admission", "id": str(admission.id)}}
    for more in ({"supersedes": str(entry.id)}, stay):
        await patients.append(SYSTEM, command(), into.id, EntryNew.model_validate({**note, **more}))
    await undo(world, merged.id)
    assert await owners(world) == before
    assert set(boards) <= set(await shown(world))
    assert (await world.services.opd.token(SYSTEM, command(), own.id)).patient_id == into.id
    assert (await world.services.ipd.admission(SYSTEM, command(), admission.id)).patient_id == source.id
    await refused(Code.ILLEGAL_MOVE, undo(world, merged.id))
    trail = [row.action for row in await world.query("SELECT action FROM audit_log WHERE action ~ 'merge'")]
    assert sorted(trail) == [*["patient.merge"] * 2, *["patient.read_merge"] * 2, *["patient.unmerge"] * 2]


async def test_what_cannot_be_two_at_once_is_settled_first(world: World) -> None:
    first, second, third = [await world.patient() for _ in range(3)]
    await world.requested(first)
    waiting = await world.requested(second)
    told = await refused(Code.CONFLICT, merge(world, first.id, second.id))
    assert "open admission" in told.detail
    await refused(Code.INVALID, merge(world, first.id, first.id))
    await refused(Code.NOT_FOUND, merge(world, uuid.uuid4(), first.id))

    inner = await merge(world, third.id, second.id)
    await refused(Code.CONFLICT, merge(world, third.id, first.id))
    await refused(Code.CONFLICT, merge(world, first.id, third.id))
    gone = CancelIn(reason="asked for twice")
    await world.services.ipd.cancel(SYSTEM, command(), waiting.id, gone)
    outer = await merge(world, second.id, first.id)
    assert (await world.services.patients.get(SYSTEM, command(), third.id)).id == first.id
    told = await refused(Code.CONFLICT, undo(world, inner.id))
    assert "undo that merge first" in told.detail
    await undo(world, outer.id)
    await undo(world, inner.id)
    assert (await world.services.patients.get(SYSTEM, command(), third.id)).id == third.id
    assert (await world.services.ipd.admission(SYSTEM, command(), waiting.id)).patient_id == second.id
    assert await world.query("SELECT 1 FROM patients_patient WHERE merged_into IS NOT NULL") == []


async def test_a_merge_by_rest_and_its_undo(world: World) -> None:
    admin = await world.client(Role.ADMIN)
    into, source = await world.patient(), await world.patient()
    body = {"from_id": str(source.id), "reason": "same insurance number"}
    stale = await admin.post(f"/api/v1/patients/{into.id}/merge", json=body, headers={"If-Match": '"9"'})
    assert stale.status == 412
    made = await admin.post(f"/api/v1/patients/{into.id}/merge", json=body, headers={"If-Match": '"1"'})
    assert made.status == 201, await made.text()
    address = made.headers["Location"]
    assert (await (await admin.get(address)).json())["moved"] == {}
    listed = await (await admin.get("/api/v1/patient-merges", params={"patient_id": str(source.id)})).json()
    assert [item["id"] for item in listed["items"]] == [(await made.json())["id"]]
    old = await (await admin.get(f"/api/v1/patients/{source.id}")).json()
    assert (old["id"], old["merged_from"]) == (str(into.id), {"id": str(source.id), "mrn": source.mrn})
    undone = await admin.post(f"{address}/undo", json={"reason": "twins, it turned out"})
    assert (undone.status, (await undone.json())["undo_reason"]) == (200, "twins, it turned out")
    assert (await (await admin.get(f"/api/v1/patients/{source.id}")).json())["merged_from"] is None
    doctor = await world.client(Role.DOCTOR, places=HERE)
    assert (await doctor.post(f"/api/v1/patients/{into.id}/merge", json=body)).status == 403
