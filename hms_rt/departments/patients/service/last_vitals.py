"""The last vitals of many patients at once, as a ward's census prints them."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.repository import entries
from hms_rt.departments.patients.service.record_access import RecordAccess
from hms_rt.storage import mongo
from hms_rt.storage.mongo import DocumentRef

EARLY_WARNING = (
    "respiratory_rate",
    "spo2_percent",
    "fio2_percent",
    "systolic",
    "diastolic",
    "heart_rate",
    "temperature_c",
    "gcs",
)
"""What early warning scores are made of (NEWS2: breathing, saturation, oxygen given, blood pressure, pulse,
temperature, consciousness)."""

LOOKED_AT = 3
"""How many entries back: the last one may be of weight or pain alone."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry of vitals that is current, without what it says."""

    patient_id: uuid.UUID
    at: datetime
    document_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Vitals:
    """Readings of one moment."""

    at: datetime
    readings: Mapping[str, str]


class LastVitals(RecordAccess):
    """In two steps, so that no transaction waits for documents. Not audited: the caller is."""

    @staticmethod
    async def vitals_taken(
        connection: AsyncConnection, patient_ids: Collection[uuid.UUID]
    ) -> tuple[list[Taken], list[DocumentRef]]:
        """The last current entries of vitals of each patient, newest first, and where their documents are."""
        rows = await entries.last_vitals(connection, patient_ids, LOOKED_AT) if patient_ids else []
        taken = [Taken(row.patient_id, row.occurred_at, row.document_id) for row in rows]
        return taken, await mongo.find_refs(connection, [one.document_id for one in taken])

    async def vitals_of(self, taken: Sequence[Taken], refs: list[DocumentRef]) -> Mapping[uuid.UUID, Vitals]:
        """Of each patient the last readings that early warning asks for; who has none is left out.

        Raises ``unavailable`` without documents, ``integrity`` for an altered one.
        """
        bodies = await self._documents.read_many(refs)
        found: dict[uuid.UUID, Vitals] = {}
        for one in taken:
            body = bodies[one.document_id]["body"]
            readings = {name: str(body[name]) for name in EARLY_WARNING if name in body}
            if readings and one.patient_id not in found:
                found[one.patient_id] = Vitals(one.at, readings)
        return found
