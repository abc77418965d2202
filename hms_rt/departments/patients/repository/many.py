"""Many patients at a time, for imports: two statements a batch instead of one a patient."""

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import Text, cast, func, insert, select, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.patient import Patient
from hms_rt.departments.patients.repository.patients import to_patient, values
from hms_rt.departments.patients.tables import patients_patient as patients


async def add_all(connection: AsyncConnection, new: Sequence[Patient]) -> dict[uuid.UUID, str]:
    """Insert all of ``new``; answers their MRNs, those that the database issued among them.

    Given numbers go first, so that none of them is issued meanwhile. A taken one violates ``…_mrn_key``.
    """
    numbered = [{"id": each.id, "mrn": each.mrn, **values(each)} for each in new if each.mrn]
    unnumbered = [{"id": each.id, **values(each)} for each in new if not each.mrn]
    mrns: dict[uuid.UUID, str] = {}
    for rows in (numbered, unnumbered):
        if rows:
            made = await connection.execute(insert(patients).returning(patients.c.id, patients.c.mrn), rows)
            mrns.update((row.id, row.mrn) for row in made)
    return mrns


async def registered(
    connection: AsyncConnection, mrns: Collection[str], search_names: Collection[str]
) -> list[Patient]:
    """Patients with one of these MRNs or of these (normalised) names, the longest registered first.

    Each name is looked up by itself: while a table fills, the planner has no statistics of it yet and would
    rather read the whole table for a list of names (50 ms instead of one at 200,000 patients).
    """
    wanted = func.unnest(cast(list(search_names), ARRAY(Text))).table_valued("name").render_derived()
    alike = select(patients).where(patients.c.search_name == wanted.c.name).offset(0).lateral()
    found: dict[uuid.UUID, Patient] = {}
    for query in (
        select(patients).where(patients.c.mrn == func.any(cast(list(mrns), ARRAY(Text)))),
        select(alike).select_from(wanted.join(alike, true())),
    ):
        found.update((row.id, to_patient(row)) for row in await connection.execute(query))
    return [found[each] for each in sorted(found)]
