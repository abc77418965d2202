"""Tables of audit. The SQL that makes them is in ``migrations/versions/0009_audit.py``.

The trail itself, ``audit_log``, belongs to the machinery that writes it (``storage/metadata.py``).
"""

from sqlalchemy import BigInteger, Column, LargeBinary, Table
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE

from hms_rt.storage.metadata import Moment, metadata

audit_seal = Table(
    "audit_seal",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False),
    Column("first_id", BigInteger, nullable=False),
    Column("last_id", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("ids", INT8MULTIRANGE, nullable=False),
    Column("horizon", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""The chain of seals, numbered without a gap; append-only. ``ids`` says exactly which lines a seal covers:
numbers are not handed out in the order of commits. ``horizon`` is the id of the sealing transaction; up to
``settled`` every line there is, or ever will be, is sealed."""
