"""Wards and clinics as the server describes them to each audience."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]

STATUSES = ("available", "reserved", "occupied", "cleaning", "contaminated", "out_of_service")

NAMES = (
    "Marta Ruiz", "John Okafor", "Wei Zhang", "Amelia Novak", "Priya Raman", "Tomás Herrera", "Fatima Haddad",
    "Lars Lindqvist", "Grace Mensah", "Yuki Tanaka", "Elena Petrova", "Samuel Adeyemi", "Ines Carvalho",
    "Bartholomew Featherstonehaugh", "Noor Rahman", "Klara Weiss",
)  # fmt: skip

PATTERN = (
    "occupied", "occupied", "available", "occupied", "occupied", "cleaning", "occupied", "reserved",
    "occupied", "occupied", "occupied", "available", "contaminated", "occupied", "out_of_service", "occupied",
)  # fmt: skip


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def ward(per_room: tuple[int, ...], *, clinical: bool = False, name: str = "Internal Medicine") -> Json:
    """A ward with rooms of these sizes; keys are as on the wire."""
    state: Json = {"ward": {"code": "MED", "name": name}}
    number = 0
    for index, size in enumerate(per_room):
        for letter in range(size):
            status = PATTERN[number % len(PATTERN)]
            code = f"{301 + index}-{chr(65 + letter)}" if max(per_room) > 1 else f"{number + 1:02}"
            bed: Json = {"code": code, "room": str(301 + index), "status": status}
            if clinical:
                bed |= _details(number, status)
            state[f"bed:{number:08}"] = bed
            number += 1
    counts = Counter(bed["status"] for key, bed in state.items() if key.startswith("bed:"))
    state["occupancy"] = {"total": number, **{status: counts[status] for status in STATUSES}}
    return state


def _details(number: int, status: str) -> Json:
    occupant = {
        "stay_id": f"s{number}",
        "patient_id": f"p{number}",
        "name": NAMES[number % len(NAMES)],
        "mrn": f"MRN-{41800 + number * 37}",
        "sex": "female" if number % 2 else "male",
        "birth_date": f"{1934 + (number * 7) % 70}-0{1 + number % 9}-11",
        "since": ago(hours=5 + number * 9),
    }
    return {
        "id": f"b{number}",
        "isolation": status == "occupied" and number % 7 == 3,
        "since": ago(minutes=7 + 61 * number),
        "reserved_until": None,
        "version": 3,
        "occupant": occupant if status == "occupied" else None,
    }


def clinic(
    *, called: int = 1, serving: int = 3, waiting: int = 14, name: str = "General Outpatients"
) -> Json:
    """A clinic's queue as a public screen gets it."""
    state: Json = {"clinic": {"code": "GEN", "name": name, "day": "2026-07-14"}}
    for counter in range(1, 7):
        state[f"counter:C{counter}"] = {"code": f"C{counter}", "name": f"Room {counter}", "open": counter < 5}
    for number in range(1, called + serving + waiting + 1):
        label = f"A-{number:03}"
        if number <= serving:
            token: Json = {
                "state": "serving",
                "counter": f"C{number % 6 + 1}",
                "called_at": ago(minutes=20 - number),
            }
        elif number <= serving + called:
            token = {"state": "called", "counter": f"C{number % 6 + 1}", "called_at": ago(seconds=20)}
        else:
            token = {"state": "waiting", "counter": None, "called_at": None, "order": f"{number:06}"}
        state[f"token:{number:08}"] = {"label": label, **token}
    state["summary"] = {
        "waiting": waiting,
        "called": called,
        "serving": serving,
        "on_hold": 0,
        "done": 37,
        "no_show": 1,
        "cancelled": 0,
        "active_counters": 4,
        "wait_p50_s": 640,
        "wait_p90_s": 1490,
    }
    return state
