"""Rows by which patients who may be one are found."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import Text, cast, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.matching import Person, asked, keys, name_key, person_of
from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.repository.patients import to_patient
from hms_rt.departments.patients.tables import patients_match_key as match_keys
from hms_rt.departments.patients.tables import patients_patient as patients

PER_KEY = 50
"""Patients looked at for one key: a key that more share tells too little."""

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('patients ' || :key, 0))")


async def lock(connection: AsyncConnection, person: Person) -> None:
    """Let nobody else of the same name, nor of the same birth date, be registered until the commit."""
    born = person.birth_date
    for key in sorted({name_key(person), *([f"d:{born:%Y%m%d}"] if born is not None else [])}):
        await connection.execute(_LOCK, {"key": key})


async def add(connection: AsyncConnection, made: Sequence[Patient]) -> None:
    """Store the keys of new patients; nobody is found by a placeholder name."""
    rows = [
        {"key": key, "patient_id": one.id}
        for one in made
        if not one.unidentified
        for key in sorted(keys(person_of(one)))
    ]
    if rows:
        await connection.execute(insert(match_keys), rows)


async def renew(connection: AsyncConnection, changed: Patient) -> None:
    """Store the keys of a locked patient anew."""
    await connection.execute(delete(match_keys).where(match_keys.c.patient_id == changed.id))
    await add(connection, [changed])


async def candidates(
    connection: AsyncConnection, person: Person, also: Collection[uuid.UUID]
) -> list[Patient]:
    """Patients who share a key with ``person``, and those of ``also``: index lookups, each bounded."""
    wanted = func.unnest(cast(sorted(asked(person)), ARRAY(Text))).table_valued("key").render_derived()
    of_key = (
        select(match_keys.c.patient_id)
        .where(match_keys.c.key == wanted.c.key)
        .order_by(match_keys.c.patient_id.desc())
        .limit(PER_KEY)
        .lateral()
    )
    ids = set((await connection.execute(select(of_key.c.patient_id).select_from(wanted, of_key))).scalars())
    rows = await connection.execute(select(patients).where(patients.c.id.in_([*ids, *also])))
    return [to_patient(row) for row in rows]
