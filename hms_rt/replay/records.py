"""Entries of the clinical record."""

from typing import Any

from hms_rt.replay.case import Scene
from hms_rt.replay.mapping import Record, fill, snake_case
from hms_rt.replay.visits import ensure_visit

_BOOLEANS = {"true": True, "false": False}


def applies(action: Record, scene: Scene) -> bool:
    """False if the row lacks what the entry is about."""
    return action.only_if is None or bool(scene.row.column(action.only_if))


async def record(action: Record, scene: Scene) -> None:
    """Write the entry: into the visit, while there is one and no bed."""
    await ensure_visit(scene)
    body: dict[str, Any] = {name: fill(text, scene.row.values) for name, text in action.body.items()}
    for column in action.columns:
        text = scene.row.column(column)
        body[snake_case(column)] = _BOOLEANS.get(text.lower(), text)
    filled = {name: value for name, value in body.items() if value != ""}
    case = scene.case
    in_visit = case.visit is not None and case.bed is None
    path = f"/visits/{case.visit}/entries" if in_visit else f"/patients/{case.patient_id}/record"
    await scene.do(action.role, path, {"kind": action.kind, "body": filled}, step="entry")
