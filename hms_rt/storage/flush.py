"""The last statement of a transaction: audit rows, idempotent answer and all changes, in one round trip."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.kernel.changes import Change, Op
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Principal


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit trail; who and from where are added when it is written."""

    at: datetime
    action: str
    outcome: str
    entity: str
    entity_id: str
    patient_id: uuid.UUID | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the same command answered before; ``answer`` is plain JSON, or None."""

    answer: Any


_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
_STORED = text(
    "SELECT command, fingerprint, answer FROM idempotency WHERE principal_id = :principal AND key = :key"
)
_FLUSH = text(
    """
    WITH trail AS (
        INSERT INTO audit_log (at, principal_kind, principal_id, session_id, action, outcome, entity,
                               entity_id, patient_id, detail, request_id, address)
        SELECT a.at, :kind, :principal, :session, a.action, a.outcome, a.entity,
               a.entity_id, a.patient_id, a.detail, :request_id, :address
        FROM jsonb_to_recordset(CAST(:audits AS jsonb)) AS a(
            at timestamptz, action text, outcome text, entity text, entity_id text,
            patient_id uuid, detail jsonb)
    ), remembered AS (
        INSERT INTO idempotency (principal_id, key, command, fingerprint, answer, at)
        SELECT :principal, :key, :command, :fingerprint, CAST(:answer AS jsonb), clock_timestamp()
        WHERE CAST(:key AS text) IS NOT NULL
    ), batch AS (
        INSERT INTO change_batch (changes)
        SELECT CAST(:changes AS jsonb) WHERE CAST(:changes AS jsonb) IS NOT NULL
    )
    SELECT pg_current_xact_id()::text::bigint
    """
)


async def stored_answer(
    connection: AsyncConnection, principal: Principal, command: Command
) -> StoredAnswer | None:
    """The answer that the same key got before.

    Raises ``idempotency_running`` while another request with the key is under way and
    ``idempotency_mismatch`` when the key was used for something else.
    """
    if command.key is None:
        return None
    lock = await connection.execute(_LOCK, {"key": f"{principal.id} {command.key}"})
    if not lock.scalar_one():
        raise HmsError(
            Code.IDEMPOTENCY_RUNNING, "the same command is still running: ask again", retry_after_ms=200
        )
    found = await connection.execute(_STORED, {"principal": principal.id, "key": command.key})
    row = found.one_or_none()
    if row is None:
        return None
    if row.command != command.name or bytes(row.fingerprint) != command.fingerprint:
        raise HmsError(Code.IDEMPOTENCY_MISMATCH, "this idempotency key was used for another command")
    return StoredAnswer(row.answer)


def _by_stream(changes: Sequence[Change]) -> dict[str, list[dict[str, Any]]]:
    batch: dict[str, list[dict[str, Any]]] = {}
    for change in changes:
        op: dict[str, Any] = {"op": change.op.value, "key": change.key, "cause": change.cause.value}
        if change.op is Op.PUT:
            op["value"] = change.value
        batch.setdefault(change.stream, []).append(op)
    return batch


def _audit_json(audits: Sequence[AuditEntry]) -> str:
    return orjson.dumps(
        [
            {
                "at": entry.at,
                "action": entry.action,
                "outcome": entry.outcome,
                "entity": entry.entity,
                "entity_id": entry.entity_id,
                "patient_id": None if entry.patient_id is None else str(entry.patient_id),
                "detail": entry.detail,
            }
            for entry in audits
        ]
    ).decode()


async def flush(
    connection: AsyncConnection,
    principal: Principal,
    command: Command,
    *,
    audits: Sequence[AuditEntry],
    changes: Sequence[Change],
    answer: Any,
) -> int:
    """Write everything that goes with the command; returns the transaction id.

    The change log itself is written by PostgreSQL during COMMIT (deferred trigger on ``change_batch``).
    """
    result = await connection.execute(
        _FLUSH,
        {
            "kind": principal.kind.value,
            "principal": principal.id,
            "session": principal.session_id,
            "request_id": command.request_id,
            "address": command.address,
            "audits": _audit_json(audits),
            "key": command.key,
            "command": command.name,
            "fingerprint": command.fingerprint,
            "answer": None if answer is None else orjson.dumps(answer).decode(),
            "changes": orjson.dumps(_by_stream(changes)).decode() if changes else None,
        },
    )
    return int(result.scalar_one())
