"""Tables of the location tree: facility, building, ward, room, bed; and the boards' own rows."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hms_rt.departments.beds.model import BedStatus
from hms_rt.storage.metadata import Moment, metadata

facility = sa.Table(
    "beds_facility",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
)

building = sa.Table(
    "beds_building",
    metadata,
    sa.Column("facility_code", sa.ForeignKey("beds_facility.code"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
)

ward = sa.Table(
    "beds_ward",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("facility_code", sa.Text, nullable=False),
    sa.Column("building_code", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(
        ["facility_code", "building_code"], ["beds_building.facility_code", "beds_building.code"]
    ),
)

room = sa.Table(
    "beds_room",
    metadata,
    sa.Column("ward_code", sa.ForeignKey("beds_ward.code"), primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("isolation", sa.Text),
    sa.Column("organism", sa.Text),
    sa.Column("override_reason", sa.Text),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="1"),
)
"""``isolation``: what the room is kept for; ``override_reason``: why somebody lies there who is not in it."""

bed = sa.Table(
    "beds_bed",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("ward_code", sa.Text, nullable=False),
    sa.Column("room_code", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("isolation", sa.Boolean, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("reserved_for", sa.Uuid),
    sa.Column("reserved_until", Moment),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("features", ARRAY(sa.Text), nullable=False),
    sa.Column("isolation_kind", sa.Text),
    sa.Column("organism", sa.Text),
    sa.Column("out_of_service_reason", sa.Text),
    sa.Column("expected_back_at", Moment),
    sa.UniqueConstraint("ward_code", "code"),
    sa.ForeignKeyConstraint(["ward_code", "room_code"], ["beds_room.ward_code", "beds_room.code"]),
)

occupant = sa.Table(
    "beds_occupant",
    metadata,
    sa.Column("bed_id", sa.ForeignKey("beds_bed.id"), primary_key=True),
    sa.Column("stay_id", sa.Uuid, nullable=False, unique=True),
    sa.Column("patient_id", sa.Uuid, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mrn", sa.Text, nullable=False),
    sa.Column("sex", sa.Text),
    sa.Column("birth_date", sa.Date),
    sa.Column("since", Moment, nullable=False),
    sa.Column("leaving_since", Moment),
    sa.Column("outstanding", sa.Integer),
    sa.Column("beside", sa.ForeignKey("beds_bed.id")),
)
"""Who the board shows in a bed: a copy of what patients and stays say, kept by this department.

``beside``: of a child who rooms in, the bed of its mother."""

hold = sa.Table(
    "beds_hold",
    metadata,
    sa.Column("bed_id", sa.ForeignKey("beds_bed.id"), primary_key=True),
    sa.Column("admission_id", sa.Uuid, nullable=False, unique=True),
    sa.Column("patient_id", sa.Uuid, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mrn", sa.Text, nullable=False),
    sa.Column("sex", sa.Text),
    sa.Column("birth_date", sa.Date),
    sa.Column("from_ward", sa.Text),
    sa.Column("from_bed", sa.Text),
    sa.Column("held_at", Moment, nullable=False),
)
"""For whom a bed is held: a row exactly as long as the hold. Until when is in the bed."""

cleaning = sa.Table(
    "beds_cleaning",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("bed_id", sa.ForeignKey("beds_bed.id"), nullable=False),
    sa.Column("ward_code", sa.ForeignKey("beds_ward.code"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("requested_by", sa.Uuid, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("claimed_at", Moment),
    sa.Column("claimed_by", sa.Uuid),
    sa.Column("claimed_by_name", sa.Text),
    sa.Column("finished_at", Moment),
    sa.Column("finished_by", sa.Uuid),
    sa.Column("overdue_at", Moment),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""Requests to housekeeping; a bed that waits to be cleaned has an open one. Holds no patient data."""

occupancy = sa.Table(
    "beds_occupancy",
    metadata,
    sa.Column("ward_code", sa.ForeignKey("beds_ward.code"), primary_key=True),
    *(sa.Column(status.value, sa.Integer, nullable=False) for status in BedStatus),
)
"""Beds of a ward by state; moved by deltas, never counted."""
