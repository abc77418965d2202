"""Actions in the wards: admission, transfer, departure, cleaning."""

import asyncio
from typing import Any

from hms_rt.kernel.principal import Role
from hms_rt.replay.case import Scene, SkippedError
from hms_rt.replay.client import RefusedError, Session
from hms_rt.replay.mapping import Admit, Clean, Release
from hms_rt.replay.visits import ensure_visit, finish_visit

UNORDERED = frozenset({"died", "left"})
"""How patients leave without a doctor's order."""


VISIT_ENDS = {"transferred_out": "referred", "died": "died", "left": "against_advice"}
"""How a visit ends, by how a stay would; any other goes home."""


async def admit(action: Admit, scene: Scene) -> None:
    """Admission and a bed, or a transfer to another bed. Ends the visit in the clinic."""
    await ensure_visit(scene)
    ward = scene.text(action.ward)
    if scene.case.admission is None or scene.case.bed is None:
        await _admit(scene, ward, scene.text(action.reason))
        await finish_visit(scene, Role.NURSE, "admitted")
        return
    await _transfer(scene, ward)
    if action.clean:
        await clean_left_bed(scene)


async def _admit(scene: Scene, ward: str, reason: str) -> None:
    case = scene.case
    if case.admission is None:
        body = {"patient_id": case.patient_id, "ward": ward, "reason": reason}
        admission = await scene.do(Role.DOCTOR, "/admissions", body, step="request")
        await scene.do(Role.NURSE, f"/admissions/{admission['id']}/accept", step="accept")
        case.admission = admission["id"]
    _lies_in(scene, await _into_bed(scene, f"/admissions/{case.admission}/assign", ward))


async def _transfer(scene: Scene, ward: str) -> None:
    before = scene.case.bed
    _lies_in(scene, await _into_bed(scene, f"/admissions/{scene.case.admission}/transfer", ward))
    scene.case.left_bed = before


async def _into_bed(scene: Scene, path: str, ward: str) -> dict[str, Any]:
    """Any available bed; when there is none, the beds of the ward that wait for it are cleaned first."""
    try:
        return await scene.do(Role.NURSE, path, {"ward": ward}, step="bed")
    except RefusedError as refused:
        if refused.code != "conflict" or not await scene.world.clean_ward(ward):
            raise
    return await scene.do(Role.NURSE, path, {"ward": ward}, step="bed")


def _lies_in(scene: Scene, admission: dict[str, Any]) -> None:
    (stay,) = [stay for stay in admission["stays"] if stay["ended_at"] is None]
    scene.case.bed, scene.case.ward = stay["bed_id"], stay["ward"]


async def release(action: Release, scene: Scene) -> None:
    """The patient leaves: the ward, or, if in none, the clinic. A patient who is nowhere is skipped."""
    case = scene.case
    if case.bed is None:
        if case.token is None:
            raise SkippedError("the patient is neither in a ward nor in a clinic")
        await finish_visit(scene, Role.NURSE, VISIT_ENDS.get(scene.text(action.disposition), "home"))
        return
    disposition = scene.text(action.disposition)
    path = f"/admissions/{case.admission}"
    if action.order and disposition not in UNORDERED:
        await scene.do(Role.DOCTOR, f"{path}/discharge-order", {"disposition": disposition}, step="order")
    await scene.do(Role.NURSE, f"{path}/depart", {"disposition": disposition}, step="depart")
    case.left_bed, case.bed, case.admission, case.ward = case.bed, None, None, None
    if action.clean:
        await clean_left_bed(scene)


async def clean(_: Clean, scene: Scene) -> None:
    """Clean the bed that the case left; skipped if it left none."""
    if scene.case.left_bed is None:
        raise SkippedError("the case has left no bed to clean")
    await clean_left_bed(scene)


async def clean_left_bed(scene: Scene) -> None:
    """Make the bed that the case left available, unless somebody else did."""
    bed, scene.case.left_bed = scene.case.left_bed, None
    if bed is not None and await clean_bed(scene.world.staff.of(Role.NURSE, scene.case.id), bed):
        scene.fresh += 1


async def clean_bed(nurse: Session, bed_id: str) -> bool:
    """Bring a bed that waits for cleaning back into use; True if it was this call that did.

    Needs no idempotency key: the version read decides, and a bed in any other state is left alone.
    """
    while True:
        bed = await nurse.get(f"/beds/{bed_id}")
        if bed["status"] != "cleaning":
            return False
        try:
            await nurse.patch(f"/beds/{bed_id}", {"status": "available"}, version=bed["version"])
        except RefusedError as refused:
            if refused.code not in {"stale_version", "illegal_move"}:
                raise
        else:
            return True


class WardCleaner:
    """Cleans all beds of a ward that wait for it, one round at a time."""

    def __init__(self, nurse: Session) -> None:
        self._nurse = nurse
        self._lock = asyncio.Lock()

    async def __call__(self, ward: str) -> bool:
        """True if a bed became available."""
        async with self._lock:
            waiting = await self._nurse.all("/beds", ward=ward, status="cleaning")
            return any([await clean_bed(self._nurse, bed["id"]) for bed in waiting])
