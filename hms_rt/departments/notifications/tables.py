"""Tables of notifications and of on-call duty.

The SQL that makes them is in ``migrations/versions``: ``0005_notifications.py``, ``0011_timers_on_call.py``.
"""

from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, Table, Text, Time, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hms_rt.storage.metadata import Moment, metadata

notifications_notification = Table(
    "notifications_notification",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("phrase", Text),
    Column("slots", JSONB(none_as_null=True)),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("patient_id", Uuid),
    Column("priority", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment),
    Column("in_room", Boolean, nullable=False),
    Column("batch_id", Uuid),
    Column("wants_acknowledgement", Boolean, nullable=False),
    Column("acknowledged_at", Moment),
    Column("expires_at", Moment),
    Column("held", Boolean, nullable=False),
    Column("language", Text, nullable=False),
)
"""Messages to users. ``in_room`` marks those that the user's room shows, so that what a fresh snapshot holds
is what the changes led to, also where the room is full. ``held``: it waits for the end of quiet hours.
``title`` is in English, shown where there is no ``phrase`` with ``slots``; ``language`` that of the room."""

batch = Table(
    "notifications_batch",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("sender_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("phrase", Text),
    Column("slots", JSONB(none_as_null=True)),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("patient_id", Uuid),
    Column("priority", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("acknowledge_by", Moment),
    Column("told", Integer, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("acknowledged", Integer, nullable=False),
)
"""One telling of several people; the sums are moved by deltas."""

preferences = Table(
    "notifications_preferences",
    metadata,
    Column("user_id", Uuid, primary_key=True),
    Column("muted", ARRAY(Text), nullable=False),
    Column("quiet_from", Time),
    Column("quiet_until", Time),
    Column("language", Text),
    Column("updated_at", Moment, nullable=False),
)
"""How users want to be told; who has no row wants everything at once."""

gap_told = Table(
    "notifications_gap_told",
    metadata,
    Column("group_number", BigInteger, primary_key=True),
    Column("starts_at", Moment, primary_key=True),
    Column("ends_at", Moment, nullable=False),
    Column("told_again", Boolean, nullable=False),
)
"""Times without anybody on call that those in charge were told of; ``told_again``: also when it was near."""

group = Table(
    "notifications_group",
    metadata,
    Column("code", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("place_kind", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("exactly_one", Boolean, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
"""On-call groups; ``exactly_one``: its shifts never overlap. ``place`` is empty for the whole hospital."""

member = Table(
    "notifications_member",
    metadata,
    Column("group_number", BigInteger, primary_key=True),
    Column("user_id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("added_by", Uuid, nullable=False),
    Column("added_at", Moment, nullable=False),
)
"""Who may be on call for a group; one who left stays as inactive, because shifts name them."""

rota = Table(
    "notifications_rota",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("group_number", BigInteger, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_until", Date, nullable=False),
    Column("weeks", Integer, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("ended_at", Moment),
    Column("version", Integer, nullable=False),
    Column("created_by", Uuid, nullable=False),
    Column("created_at", Moment, nullable=False),
)
"""The pattern that shifts were made from."""

shift = Table(
    "notifications_shift",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("group_number", BigInteger, nullable=False),
    Column("exactly_one", Boolean, nullable=False),
    Column("member_number", BigInteger, nullable=False),
    Column("rota_id", Uuid),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("cancelled_at", Moment),
    Column("version", Integer, nullable=False),
    Column("created_by", Uuid, nullable=False),
    Column("created_at", Moment, nullable=False),
)
"""Turns of members. Two of one group never overlap where exactly one is wanted, nor two of one member."""

cover = Table(
    "notifications_cover",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shift_number", BigInteger, nullable=False),
    Column("group_number", BigInteger, nullable=False),
    Column("member_number", BigInteger, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("ends_at", Moment, nullable=False),
    Column("reason", Text, nullable=False),
    Column("swap_id", Uuid),
    Column("cancelled_at", Moment),
    Column("version", Integer, nullable=False),
    Column("created_by", Uuid, nullable=False),
    Column("created_at", Moment, nullable=False),
)
"""Who stands in for whom, within a shift; covers of one shift never overlap."""
