"""What must hold after every fault, asked of PostgreSQL, MongoDB and what the screens received."""

import uuid
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.app import Hospital
from hms_rt.kernel.audiences import Audience
from hms_rt.kernel.errors import HmsError
from hms_rt.storage import change_log, postgres
from hms_rt.storage.mongo import find_refs
from tests.faults import trade
from tests.faults.cast import Cast, Seat
from tests.faults.desk import Ledger
from tests.faults.screen import Screen
from tests.realtime.raw import Json
from tests.surface.rules import NO_ROWS

DOCUMENTS_AT_ONCE = 500
EXPECTED_REFUSALS = {("opd.move", "conflict"), ("billing.shift", "conflict")}
"""Nobody waits to be called; the cashier's shift is open since the first round."""


@dataclass(frozen=True)
class Verdict:
    """One check of one fault."""

    name: str
    ok: bool
    detail: str = ""


async def truth(hospital: Hospital, seat: Seat) -> tuple[int, Json]:
    """Version and state of a seat's room as its audience must see them, of one moment of the database."""
    kind, argument = hospital.rooms.find(seat.namespace, seat.room)
    async with postgres.snapshot(hospital.engine) as connection:
        state = await kind.streams.read(connection, argument)
        _, version = await change_log.head(connection, kind.streams.stream(argument))
    assert state is not None
    view = kind.views[Audience(seat.audience)]
    seen = {key: view(key, value) for key, value in state.items()}
    return version, {key: dict(value) for key, value in seen.items() if value is not None}


async def boards_equal_the_database(hospital: Hospital, screens: list[Screen]) -> Verdict:
    """Every board's state and version, and the wire's own rules."""
    wrong: list[str] = []
    epochs: dict[Seat, set[str]] = {}
    for screen in screens:
        board, where = screen.board, f"{screen.seat.who} {screen.seat.room} at {screen.urls[0][-5:]}"
        if board is None or not screen.live:
            wrong.append(f"{where}: not connected ({screen.troubles[-3:]})")
            continue
        version, state = await truth(hospital, screen.seat)
        epochs.setdefault(screen.seat, set()).add(board.epoch)
        if board.audience != screen.seat.audience:
            wrong.append(f"{where}: is {board.audience}")
        if board.version != version:
            wrong.append(f"{where}: version {board.version}, the database has {version}")
        if board.state != state:
            keys = sorted(set(board.state) ^ set(state)) or [k for k in state if board.state[k] != state[k]]
            wrong.append(f"{where}: state differs at {keys[:3]}")
        wrong += [f"{where}: {rule}" for rule in board.broken[:3]]
    wrong += [f"{seat.room}: several epochs" for seat, found in epochs.items() if len(found) > 1]
    return Verdict("boards equal the database", not wrong, "; ".join(wrong[:5]) or f"{len(screens)} boards")


def nobody_saw_what_is_not_theirs(cast: Cast, screens: list[Screen]) -> Verdict:
    """Every frame of every socket against every patient that it may not have; and the opposite, so that
    this check is known to see."""
    leaks: list[str] = []
    seen: set[str] = set()
    count = 0
    for screen in screens:
        frames = screen.frames()
        count += len(frames)
        everything = "\n".join(frames)
        for group, patients in cast.patients.items():
            marks = [mark for patient in patients for mark in patient.marks]
            found = [mark for mark in marks if mark in everything]
            if group in screen.seat.may:
                seen |= {group} if found else set()
            elif found:
                leaks.append(f"{screen.seat.who} {screen.seat.room} got {found[0]}")
    blind = set(cast.patients) - seen
    leaks += [f"nobody saw a patient of {group}: the check is blind" for group in sorted(blind)]
    return Verdict("no patient where none may be", not leaks, "; ".join(leaks[:5]) or f"{count} frames")


async def commands_happened_once(hospital: Hospital, ledger: Ledger) -> list[Verdict]:
    """None lost, none doubled, in either store."""
    async with postgres.snapshot(hospital.engine) as connection:
        lost = await _lost(connection, ledger)
        doubled = await _doubled(connection, ledger)
        rules = [rule for rule, query in NO_ROWS.items() if (await connection.execute(text(query))).first()]
        ids = [row.id for row in await connection.execute(text("SELECT id FROM document_ref"))]
        missing = await _missing_documents(hospital, connection, ids)
    acknowledged = len(ledger.acknowledged())
    strange = Counter(
        f"{sent.kind}: {sent.refused}"
        for sent in ledger.commands
        if sent.refused is not None and (sent.kind, sent.refused) not in EXPECTED_REFUSALS
    )
    return [
        Verdict("no acknowledged command lost", not lost, "; ".join(lost[:5]) or f"{acknowledged} commands"),
        Verdict("none doubled", not doubled, "; ".join(doubled[:5])),
        Verdict("documents are there", not missing, "; ".join(missing) or f"{len(ids)} documents"),
        Verdict("the hospital's rules hold", not rules, "; ".join(rules)),
        Verdict("nobody was refused what is right", not strange, str(dict(strange) or "")),
        Verdict("no internal errors", not ledger.failures, "; ".join(ledger.failures[:3])),
    ]


async def _lost(connection: AsyncConnection, ledger: Ledger) -> list[str]:
    """Every acknowledged answer is stored as it was given, and nothing else is stored."""
    rows = await connection.execute(text("SELECT principal_id, key, answer FROM idempotency"))
    stored = {(row.principal_id, row.key): row.answer for row in rows}
    wrong = []
    for sent in ledger.acknowledged():
        answer = stored.get((sent.user, sent.key), "nothing")
        if not isinstance(answer, dict):
            wrong.append(f"{sent.kind} {sent.key}: acknowledged, and {answer} is stored")
        elif any(answer.get(name) != sent.answer.get(name) for name in ("id", "version", "status", "state")):
            wrong.append(f"{sent.kind} {sent.key}: another answer is stored")
    refused = {(sent.user, sent.key) for sent in ledger.commands if sent.refused is not None}
    wrong += [f"{key}: refused, and done" for _, key in refused & set(stored)]
    return wrong


async def _doubled(connection: AsyncConnection, ledger: Ledger) -> list[str]:
    """As many effects as acknowledged commands, thing by thing."""
    done = Counter(sent.kind for sent in ledger.acknowledged())
    wanted = {
        "SELECT count(*) FROM opd_token": done["opd.issue"],
        "SELECT count(*) FROM opd_token_event": done["opd.issue"] + done["opd.move"],
        "SELECT count(*) FROM patients_record_entry": done["patients.append"],
        "SELECT count(*) FROM patients_patient WHERE family_name LIKE 'Newcomer%'": done["patients.register"],
        "SELECT count(*) FROM lab_order": done["lab.order"],
        "SELECT count(*) FROM lab_specimen": done["lab.collect"],
        "SELECT count(*) FROM lab_result_version": done["lab.enter"],
        "SELECT count(*) FROM lab_test WHERE state = 'released'": done["lab.release"],
        "SELECT count(*) FROM document_ref": done["patients.append"] + done["lab.enter"],
        "SELECT count(*) FROM audit_log WHERE action = 'bed.change'": done["beds.change"],
    }
    wanted |= trade.wanted(ledger.acknowledged())
    wrong = []
    for query, count in wanted.items():
        found = (await connection.execute(text(query))).scalar_one()
        if found != count:
            wrong.append(f"{query}: {found}, acknowledged were {count}")
    return wrong + await _doubled_on_beds(connection, ledger)


async def _doubled_on_beds(connection: AsyncConnection, ledger: Ledger) -> list[str]:
    changes: Counter[uuid.UUID] = Counter()
    for sent in ledger.acknowledged("beds.change"):
        changes[uuid.UUID(sent.answer["id"])] += 1
    rows = await connection.execute(
        text("SELECT id, version FROM beds_bed WHERE id NOT IN (SELECT bed_id FROM ipd_stay)")
    )
    return [
        f"bed {row.id}: version {row.version}, {changes[row.id]} changes were acknowledged"
        for row in rows
        if row.version != 1 + changes[row.id]
    ]


async def _missing_documents(
    hospital: Hospital, connection: AsyncConnection, ids: list[uuid.UUID]
) -> list[str]:
    """Documents that a row refers to and that are gone, or altered."""
    for start in range(0, len(ids), DOCUMENTS_AT_ONCE):
        refs = await find_refs(connection, ids[start : start + DOCUMENTS_AT_ONCE])
        try:
            await hospital.documents.read_many(refs)
        except HmsError as error:
            return [error.detail]
    return []
