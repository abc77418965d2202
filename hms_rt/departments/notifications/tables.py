"""Table of notifications. The SQL that makes it is in ``migrations/versions/0005_notifications.py``."""

from sqlalchemy import Boolean, Column, Table, Text, Uuid

from hms_rt.storage.metadata import Moment, metadata

notifications_notification = Table(
    "notifications_notification",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", Uuid, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("patient_id", Uuid),
    Column("priority", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("seen_at", Moment),
    Column("in_room", Boolean, nullable=False),
)
"""Messages to users. ``in_room`` marks those that the user's room shows, so that what a fresh snapshot holds
is what the changes led to, also where the room is full."""
