"""Cases that are odd in the log itself, named, whatever the server made of them."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from hms_rt.replay.log import Row
from hms_rt.replay.mapping import Admit, Arrive, LogMapping, Release, Return, fill

BEFORE_REGISTRATION = "cases start before their registration"
NEVER_REGISTERED = "cases are never registered"
NEVER_RELEASED = "cases are admitted and never released"
AFTER_RELEASE = "cases go on after their release without coming again"


def irregularities(rows: Iterable[Row], mapping: LogMapping) -> dict[str, list[str]]:
    """Title -> case ids, in the order of the log; titles without a case are left out."""
    kinds: dict[str, list[set[type]]] = {}
    for row in rows:
        actions = mapping.activities.get(row.activity)
        if actions:
            kinds.setdefault(row.case, []).append({type(action) for action in actions})
    found: dict[str, list[str]] = {}
    for case, steps in kinds.items():
        for title in _titles(steps):
            found.setdefault(title, []).append(case)
    return found


def _titles(steps: list[set[type]]) -> list[str]:
    titles = []
    if not any(Arrive in step for step in steps):
        titles.append(NEVER_REGISTERED)
    elif Arrive not in steps[0]:
        titles.append(BEFORE_REGISTRATION)
    if any(Admit in step for step in steps) and not any(Release in step for step in steps):
        titles.append(NEVER_RELEASED)
    released = next((place for place, step in enumerate(steps) if Release in step), None)
    if released is not None and _goes_on(steps[released + 1 :]):
        titles.append(AFTER_RELEASE)
    return titles


def _goes_on(steps: list[set[type]]) -> bool:
    return bool(steps) and Return not in steps[0]


def busiest(rows: Sequence[Row], mapping: LogMapping, *, ahead: int = 0) -> dict[str, int]:
    """Ward -> the most patients that a replay can have in it at once.

    In the log's own order that is what the log had; with events of busy cases overtaken, somebody may be
    admitted up to ``ahead`` rows too early, relative to who leaves before.
    """
    moves: dict[str, list[tuple[int, int]]] = {}
    lies_in: dict[str, str] = {}
    for place, row in enumerate(rows):
        for action in mapping.activities.get(row.activity, ()):
            if isinstance(action, Admit | Release) and row.case in lies_in:
                moves[lies_in.pop(row.case)].append((place, -1))
            if isinstance(action, Admit):
                ward = lies_in[row.case] = fill(action.ward, row.values)
                moves.setdefault(ward, []).append((place - ahead, 1))
    return {ward: max(accumulate(change for _, change in sorted(several))) for ward, several in moves.items()}
