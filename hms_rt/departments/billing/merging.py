"""A merge of patients reaches what is on their accounts."""

from collections.abc import Sequence

import sqlalchemy as sa

from hms_rt.departments.billing import tables
from hms_rt.departments.patients.events import PatientsMerged, PatientsUnmerged
from hms_rt.departments.patients.service import Repointed, repoint
from hms_rt.kernel.changes import Event
from hms_rt.storage.unit_of_work import Projector, UnitOfWork

TABLES = (
    Repointed(tables.coverage),
    Repointed(tables.stay, key="admission_id"),
    Repointed(tables.charge),
    Repointed(tables.invoice),
    Repointed(tables.estimate),
    Repointed(tables.package_use),
    Repointed(tables.payment),
)


_BELONG = sa.text(
    """
    INSERT INTO patients_repoint (table_name, row_id, merge_id)
    SELECT 'billing_charge', c.id::text, :merge_id FROM billing_charge c
    WHERE c.patient_id = :into_id AND EXISTS (
        SELECT FROM patients_repoint r WHERE r.merge_id = :merge_id
        AND (r.table_name = 'billing_stay' AND r.row_id = c.admission_id::text
            OR r.table_name = 'billing_charge' AND r.row_id IN (c.reverses::text, c.reduces::text)))
    ON CONFLICT DO NOTHING
    """
)
"""Of the charges since the merge: those of stays that go back, and reversals of charges that do."""


async def patients_merged(uow: UnitOfWork, event: PatientsMerged) -> None:
    """Coverage, stays and charges move to the survivor."""
    await repoint(uow, event, TABLES)


async def patients_unmerged(uow: UnitOfWork, event: PatientsUnmerged) -> None:
    """They move back, with the charges since that belong to them."""
    await uow.connection.execute(_BELONG, {"merge_id": event.merge_id, "into_id": event.into.id})
    await repoint(uow, event, TABLES)


PROJECTORS: dict[type[Event], Sequence[Projector]] = {
    PatientsMerged: (patients_merged,),
    PatientsUnmerged: (patients_unmerged,),
}
