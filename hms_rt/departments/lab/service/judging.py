"""What a measured value means: bounds for this patient at this moment, plausibility, delta check."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.lab.model.catalogue import Bounds, CatalogueEntry, Flag, invalid
from hms_rt.departments.lab.model.delta import Delta, Previous, compare
from hms_rt.departments.lab.model.ranges import Chosen, choose
from hms_rt.departments.lab.repository import ranges, results
from hms_rt.departments.lab.schemas.catalogue import written
from hms_rt.departments.lab.schemas.results import ResultIn
from hms_rt.departments.lab.service.foundation import Foundation
from hms_rt.kernel.clock import rfc3339
from hms_rt.storage import mongo


@dataclass(frozen=True, slots=True)
class Judged:
    """A checked value with its meaning."""

    flag: Flag | None
    bounds: Chosen
    delta: Delta | None
    implausible: bool

    def described(self, entry: CatalogueEntry) -> Mapping[str, Any]:
        """The same as a document keeps it, with the definition of the moment."""
        bounds = self.bounds.bounds
        return {
            "definition": entry.version,
            "unit": entry.unit,
            "reference": {
                "low": written(bounds.reference_low),
                "high": written(bounds.reference_high),
                "critical_low": written(bounds.critical_low),
                "critical_high": written(bounds.critical_high),
                "assumed": [assumed.value for assumed in self.bounds.assumed],
            },
            "flag": self.flag.value if self.flag is not None else None,
            "delta": _delta(self.delta) if self.delta is not None else None,
            "implausible": self.implausible,
        }


@dataclass(frozen=True, slots=True)
class Measurement:
    """What to judge: of which test and patient, and when the specimen was taken."""

    test_id: uuid.UUID
    patient_id: uuid.UUID
    taken_at: datetime
    value: ResultIn


class Judging(Foundation):
    """Judges values before they are written, on what is committed at that moment."""

    async def _judge(
        self, connection: AsyncConnection, entry: CatalogueEntry, measured: Measurement
    ) -> Judged:
        """Raises ``invalid`` for a value, unit or precision that the test cannot have, and for an implausible
        value that nobody says was checked."""
        value = measured.value
        entry.check_unit(value.unit)
        entry.check_value(value.value)
        plausible = entry.plausible(value.value)
        if not plausible and not value.implausible:
            raise invalid("value", "beyond what is plausible: check decimal point, unit, patient; or confirm")
        if not plausible and not value.comment:
            raise invalid("comment", "say how an implausible value was checked")
        bounds = await self._bounds(connection, entry, measured)
        previous = await self._previous(connection, entry, measured)
        return Judged(
            entry.flag(value.value, bounds.bounds),
            bounds,
            compare(entry, value.value, self._at(measured), previous),
            not plausible,
        )

    async def _bounds(
        self, connection: AsyncConnection, entry: CatalogueEntry, measured: Measurement
    ) -> Chosen:
        """The reference ranges of the day on which the specimen was taken, else the bounds for everybody."""
        if entry.unit is None:
            return Chosen(Bounds(None, None, None, None))
        day = measured.taken_at.astimezone(self._zone).date()
        valid = await ranges.valid_on(connection, entry.code, day)
        patient = (await self._patients.brief(connection, [measured.patient_id])).get(measured.patient_id)
        if valid is None or patient is None:
            return Chosen(entry.bounds)
        chosen = choose(valid.ranges, sex=patient.sex.value, born=patient.birth_date, on=day)
        return chosen or Chosen(entry.bounds)

    async def _previous(
        self, connection: AsyncConnection, entry: CatalogueEntry, measured: Measurement
    ) -> Previous | None:
        """The patient's last verified value of the test, if a delta check wants it."""
        if entry.delta_hours is None:
            return None
        last = await results.last_verified(
            connection, measured.patient_id, entry.code, before=self._at(measured), but=measured.test_id
        )
        if last is None:
            return None
        test_id, document_id, at = last
        (ref,) = await mongo.find_refs(connection, [document_id])
        body = await self._documents.read(ref)
        return Previous(test_id, body["value"], at) if body["unit"] == entry.unit else None

    def _at(self, measured: Measurement) -> datetime:
        return measured.value.occurred_at or self._units.now()


def _delta(delta: Delta) -> Mapping[str, Any]:
    return {
        "previous": delta.previous.value,
        "previous_at": rfc3339(delta.previous.at),
        "previous_test_id": str(delta.previous.test_id),
        "change": format(delta.change, "f"),
        "percent": format(delta.percent.quantize(Decimal("0.1")), "f") if delta.percent is not None else None,
        "exceeded": delta.exceeded,
    }
