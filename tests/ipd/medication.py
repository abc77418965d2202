"""A ward that gives medication: an inpatient, a client that only applies changes, a clock in the morning."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest_asyncio
from sqlalchemy import text

from hms_rt.app import Hospital
from hms_rt.departments.ipd.model.medication import Outcome
from hms_rt.departments.ipd.schemas import AdmissionOut
from hms_rt.departments.ipd.schemas.medication import AdministrationIn, AdministrationOut, DoseOut, DoseQuery
from hms_rt.departments.pharmacy.schemas.prescriptions import PrescriptionOut
from hms_rt.kernel.clock import ManualClock
from hms_rt.kernel.principal import SYSTEM
from hms_rt.services import Services
from tests.conftest import command
from tests.pharmacy.conftest import Pharmacy

VIENNA = ZoneInfo("Europe/Vienna")
GIVEN = AdministrationIn(outcome=Outcome.GIVEN)
State = dict[str, Any]


@dataclass
class Ward:
    """An inpatient of ICU, and a client that only ever applied the changes of the wards' rooms."""

    pharmacy: Pharmacy
    hospital: Hospital
    clock: ManualClock
    here: AdmissionOut
    other_bed: uuid.UUID
    held: dict[str, tuple[int, State]] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        return self.hospital.services

    async def prescribe(self, *lines: dict[str, Any]) -> PrescriptionOut:
        context = {"patient_id": self.here.patient_id, "admission_id": self.here.id}
        return await self.pharmacy.active(*lines, **context)

    async def doses(self, ward: str = "ICU") -> list[DoseOut]:
        query = DoseQuery(ward=ward, limit=200)
        return (await self.services.medication.doses(SYSTEM, command(), query)).items

    async def give(self, dose: DoseOut, told: AdministrationIn = GIVEN) -> AdministrationOut:
        return await self.services.medication.administer(self.pharmacy.nurse, command(), dose.id, told)

    async def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by))
        await self.services.medication.move_on(SYSTEM, command())

    async def fresh(self, ward: str) -> State:
        async with self.hospital.units.reading() as connection:
            return dict(await self.services.medication.ward_state(connection, ward))

    async def sums(self, ward: str = "ICU") -> tuple[int, int]:
        value = (await self.fresh(ward))["sum"]
        return value["due"], value["overdue"]

    async def agree(self) -> None:
        """What a client holds equals what the database says, and the sums equal counts."""
        for ward in ("ICU", "MED", "SUR"):
            version, state = self.held.get(ward, (0, {}))
            async with self.hospital.engine.connect() as connection:
                rows = await connection.execute(
                    text("SELECT version, ops FROM change_log WHERE stream = :s AND version > :v ORDER BY 1"),
                    {"s": f"ipd/ward:{ward}", "v": version},
                )
                for row in rows:
                    version += 1
                    assert row.version == version
                    for op in row.ops:
                        if op["op"] == "put":
                            state[op["key"]] = op["value"]
                        else:
                            del state[op["key"]]
            self.held[ward] = version, state
            fresh = await self.fresh(ward)
            assert state == fresh, ward
            counted = [one["state"] for key, one in fresh.items() if key.startswith("dose:")]
            sums = fresh.get("sum", {"due": 0, "overdue": 0})
            assert sums == {"due": counted.count("due"), "overdue": counted.count("overdue")}


@pytest_asyncio.fixture
async def icu(pharmacy: Pharmacy, hospital: Hospital, clock: ManualClock) -> Ward:
    """At 07:00 of the hospital's clock."""
    now = clock.now()
    local = now.astimezone(VIENNA)
    clock.advance(local.replace(hour=7, minute=0, second=0) - local)
    async with hospital.engine.connect() as connection:
        rows = await connection.execute(text("SELECT id FROM beds_bed WHERE code = '01' ORDER BY ward_code"))
        icu, med = rows.scalars()
    return Ward(pharmacy, hospital, clock, await pharmacy.inpatient(icu), med)
