"""Moving rows from one patient to another, and exactly the same rows back.

A merge records every row that it moves (``patients_repoint``). Rows are locked by id before they are moved.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.tables import patients_repoint as repoints
from hms_rt.kernel.errors import conflict
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Repointed:
    """A table of a department whose rows follow a merge.

    ``key`` is its primary key, ``column`` the one that names the patient; an index must lead to it.
    ``refusals`` says what to do first where a rule of the database refuses the move, by the rule's name.
    """

    table: sa.Table
    key: str = "id"
    column: str = "patient_id"
    refusals: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How the table is called among what a merge moved."""
        return str(self.table.name) if self.column == "patient_id" else f"{self.table.name}.{self.column}"


async def repoint(
    uow: UnitOfWork, event: PatientsMerged | PatientsUnmerged, listed: Sequence[Repointed]
) -> dict[str, int]:
    """Move the rows of ``listed`` to the survivor, or what this merge moved back; answers how many, by table.

    For a department's listener, inside the transaction of the merge, which holds both patients locked. The
    move is audited. Raises ``conflict`` with what to do first where a rule of the database forbids it.
    """
    moved: dict[str, int] = {}
    for one in listed:
        try:
            if isinstance(event, PatientsMerged):
                count = await _take(uow, event.merge_id, event.from_id, event.into.id, one)
            else:
                count = await _give_back(uow, event.merge_id, event.restored.id, event.into.id, one)
        except IntegrityError as error:
            rule = violated(error) or ""
            raise conflict(
                one.refusals.get(rule, f"refused by {rule or 'a rule of the database'}")
            ) from error
        if count:
            moved[one.name] = count
    if moved:
        uow.audit(
            "patient.repoint",
            entity="patient_merge",
            entity_id=event.merge_id,
            patient_id=event.into.id,
            detail={"undone": isinstance(event, PatientsUnmerged), "rows": moved},
        )
    return moved


async def _take(
    uow: UnitOfWork, merge_id: uuid.UUID, from_id: uuid.UUID, into_id: uuid.UUID, one: Repointed
) -> int:
    """Record first, then move: tables of history allow the move only where it is recorded."""
    table, key, patient = one.table, one.table.c[one.key], one.table.c[one.column]
    locked = sa.select(key.label("key")).where(patient == from_id).order_by(key).with_for_update().subquery()
    recorded = await uow.connection.execute(
        sa.insert(repoints).from_select(
            ["table_name", "row_id", "merge_id"],
            sa.select(sa.literal(one.name), sa.cast(locked.c.key, sa.Text), sa.literal(merge_id, sa.Uuid)),
        )
    )
    if recorded.rowcount:
        await uow.connection.execute(sa.update(table).where(patient == from_id).values({one.column: into_id}))
    return recorded.rowcount


async def _give_back(
    uow: UnitOfWork, merge_id: uuid.UUID, from_id: uuid.UUID, into_id: uuid.UUID, one: Repointed
) -> int:
    table, key, patient = one.table, one.table.c[one.key], one.table.c[one.column]
    mine = sa.select(sa.cast(repoints.c.row_id, key.type)).where(
        repoints.c.merge_id == merge_id, repoints.c.table_name == one.name
    )
    there = sa.and_(key.in_(mine), patient == into_id)
    await uow.connection.execute(sa.select(key).where(there).order_by(key).with_for_update())
    done = await uow.connection.execute(sa.update(table).where(there).values({one.column: from_id}))
    return done.rowcount


async def follow(uow: UnitOfWork, event: PatientsUnmerged, *listed: sa.Table) -> None:
    """Of these tables, add to what goes back: rows of the survivor that supersede one that goes back, and
    those whose ``context_id`` is the id of one, of whatever table. Call it before :func:`repoint`."""
    for table in listed:
        mine = sa.select(repoints.c.row_id).where(repoints.c.merge_id == event.merge_id)
        own = mine.where(repoints.c.table_name == str(table.name))
        of_survivor = table.c.patient_id == event.into.id
        seeds: sa.ColumnElement[bool] = sa.cast(table.c.id, sa.Text).in_(own)
        if "context_id" in table.c:
            seeds = sa.or_(seeds, sa.cast(table.c.context_id, sa.Text).in_(mine))
        back = sa.select(table.c.id).where(of_survivor, seeds).cte("back", recursive=True)
        later = sa.select(table.c.id).where(of_survivor, table.c.supersedes == back.c.id)
        back = back.union(later)
        await uow.connection.execute(
            insert(repoints)
            .from_select(
                ["table_name", "row_id", "merge_id"],
                sa.select(
                    sa.literal(str(table.name)),
                    sa.cast(back.c.id, sa.Text),
                    sa.literal(event.merge_id, sa.Uuid),
                ),
            )
            .on_conflict_do_nothing()
        )
