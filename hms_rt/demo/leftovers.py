"""What an interrupted day left behind is brought to an end, so that the next day finds counters and beds."""

from collections.abc import Awaitable
from typing import Any

import structlog

from hms_rt.kernel.principal import Role
from hms_rt.replay.client import RefusedError, Session
from hms_rt.replay.mapping import LogMapping, fill
from hms_rt.replay.staff import Staff
from hms_rt.replay.wards import clean_bed

log = structlog.get_logger(__name__)

REASON = {"reason": "the simulated day was interrupted"}
OPEN_ADMISSIONS = ("requested", "accepted", "admitted", "discharge_ordered")
ENDINGS = {
    "serving": ((Role.DOCTOR, "done"),),
    "called": ((Role.DOCTOR, "recall"), (Role.RECEPTION, "cancel")),
    "waiting": ((Role.RECEPTION, "cancel"),),
    "on_hold": ((Role.RECEPTION, "cancel"),),
    "no_show": ((Role.DOCTOR, "requeue"), (Role.RECEPTION, "cancel")),
}
"""State of a token -> who does what with it until it is finished."""


class Leftovers:
    """Ends the visits, tests and stays of the day's own patients; nobody else's are touched."""

    def __init__(self, staff: Staff, mapping: LogMapping) -> None:
        self._staff = staff
        self._mapping = mapping
        self._prefix = fill(mapping.person.mrn, {})  # what all record numbers of the day begin with

    async def end(self) -> int:
        """How many were ended. Raises ``UnreachableError`` and ``SignInError``; refusals are logged."""
        ended = 0
        for clinic in self._mapping.setup.clinics:
            queue = await self._of(Role.RECEPTION).get(f"/clinics/{clinic.code}/queue")
            for token in self._own(queue["tokens"]):
                ended += await _tried(self._end_visit(token))
        for test in self._own(await self._of(Role.LAB).all("/lab/worklist", limit=200)):
            ended += await _tried(self._of(Role.DOCTOR).post(f"/lab/tests/{test['id']}/cancel", REASON))
        for ward in self._mapping.setup.wards:
            for state in OPEN_ADMISSIONS:
                listed = await self._of(Role.NURSE).all("/admissions", ward=ward.code, state=state, limit=200)
                for admission in self._own(listed):
                    ended += await _tried(self._end_stay(admission))
        return ended

    def _of(self, role: Role) -> Session:
        return self._staff.of(role, "")

    def _own(self, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [item for item in items if str(item.get("mrn") or "").startswith(self._prefix)]

    async def _end_visit(self, token: dict[str, Any]) -> None:
        for role, move in ENDINGS.get(token["state"], ()):
            body = REASON if move == "cancel" else {}
            await self._of(role).post(f"/tokens/{token['id']}/{move}", body)

    async def _end_stay(self, admission: dict[str, Any]) -> None:
        path, nurse = f"/admissions/{admission['id']}", self._of(Role.NURSE)
        if admission["state"] in {"requested", "accepted"}:
            await nurse.post(f"{path}/cancel", REASON)
            return
        if admission["state"] == "admitted":
            await self._of(Role.DOCTOR).post(f"{path}/discharge-order", {"disposition": "home"})
        gone = (await nurse.post(f"{path}/depart", {"disposition": "home"})).value
        await clean_bed(nurse, gone["stays"][-1]["bed_id"])


async def _tried(ending: Awaitable[object]) -> bool:
    try:
        await ending
    except RefusedError as refused:
        log.warning("demo.leftover_stays", code=refused.code)
        return False
    return True
