"""A hospital where one command meets what another made: few patients and beds, names of their own."""

import contextlib
import random
import uuid
from collections.abc import Iterator
from contextvars import ContextVar

from aiohttp.test_utils import TestServer

from hms_rt.app import Hospital
from hms_rt.departments.beds.schemas import BedOut
from hms_rt.departments.patients.schemas import PatientOut
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.surface.things import OTHER_WARD, WARD
from tests.surface.world import World

KNOWN_AGAIN = 0.5
LATELY = 12
"""Of how many known patients and beds the newest are met again."""

_chance: ContextVar[random.Random | None] = ContextVar("chance", default=None)


class Town(World):
    """Patients and beds are often those that are there already; every patient has a name of her own."""

    def __init__(self, hospital: Hospital, server: TestServer) -> None:
        super().__init__(hospital, server)
        self._patients: list[uuid.UUID] = []
        self._beds: list[uuid.UUID] = []

    @contextlib.contextmanager
    def by(self, chance: random.Random) -> Iterator[None]:
        """What this task asks for is left to ``chance``: something known, or new."""
        token = _chance.set(chance)
        try:
            yield
        finally:
            _chance.reset(token)

    async def patient(self) -> PatientOut:
        """One who is known, or a new one; raises what reading a patient who was merged away raises."""
        known = _met(self._patients)
        if known is not None:
            return await self.services.patients.get(SYSTEM, command(), known)
        self.demographics = {"family_name": self.fresh("Doe")}
        new = await super().patient()
        self._patients.append(new.id)
        return new

    async def bed(self, ward: str = WARD) -> BedOut:
        """A bed of either ward, in whatever state it is, or a new one that is free."""
        known = _met(self._beds)
        if known is not None:
            return await self.services.beds.bed(SYSTEM, command(), known)
        chance = _chance.get()
        new = await super().bed(chance.choice((WARD, OTHER_WARD)) if chance is not None else ward)
        self._beds.append(new.id)
        return new


def _met(known: list[uuid.UUID]) -> uuid.UUID | None:
    chance = _chance.get()
    if chance is None or not known or chance.random() >= KNOWN_AGAIN:
        return None
    return chance.choice(known[-LATELY:])
