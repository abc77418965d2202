"""Tables that belong to the machinery, not to a department, and the metadata that all tables share.

The SQL that makes them (partitions, triggers, grants) is in ``migrations/versions/0001_core.py``.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

Moment = DateTime(timezone=True)

stream_epoch = Table(
    "stream_epoch",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("epoch", Uuid, nullable=False),
    Column("system_identifier", BigInteger),
    Column("timeline", BigInteger),
    Column("changed_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("era", Integer, nullable=False),
)
"""One row: the epoch of every stream in this database, and the cluster it was given for. ``era`` counts the
epochs."""

stream_head = Table(
    "stream_head",
    metadata,
    Column("stream", Text(collation="C"), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("at", Moment, nullable=False),
    Column("era", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
)
"""The newest version of each stream; locked only while a transaction commits."""

change_batch = Table(
    "change_batch",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("changes", JSONB, nullable=False),
)
"""Changes of a transaction on their way into the log; rows live only inside their transaction."""

change_log = Table(
    "change_log",
    metadata,
    Column("stream", Text(collation="C"), primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("at", Moment, primary_key=True),
    Column("xid", BigInteger, nullable=False, index=True),
    Column("schema_version", SmallInteger, nullable=False),
    Column("ops", JSONB, nullable=False),
    Column("era", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
)
"""What each version of each stream changed, for ever. One version is one transaction's changes on one
stream, so that no client ever sees half of a transaction. Partitioned by month on ``at``. ``era`` and
``position`` are its place in the feed of all streams (``storage.change_feed``)."""

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("xid", BigInteger, nullable=False),
    Column("principal_kind", Text, nullable=False),
    Column("principal_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("action", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("entity_id", Text, nullable=False),
    Column("patient_id", Uuid, index=True),
    Column("detail", JSONB, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("address", Text, nullable=False),
)
"""Who did or was denied what; append-only."""

idempotency = Table(
    "idempotency",
    metadata,
    Column("principal_id", Uuid, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("command", Text, nullable=False),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("answer", JSONB),
    Column("at", Moment, nullable=False, index=True),
)
"""Answers of commands that carried an idempotency key, kept for three days."""

document_ref = Table(
    "document_ref",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("collection", Text, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("written_at", Moment, nullable=False),
)
"""Every MongoDB document that exists for anybody; a document without a row here is an orphan."""
