"""Tables of inpatients. The SQL that makes them is in ``migrations/versions/0008_ipd.py``."""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from hms_rt.storage.metadata import Moment, metadata

admission = sa.Table(
    "ipd_admission",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("ward_code", sa.ForeignKey("beds_ward.code"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Uuid, nullable=False),
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("accepted_at", Moment),
    sa.Column("admitted_at", Moment),
    sa.Column("discharge_ordered_at", Moment),
    sa.Column("planned_disposition", sa.Text),
    sa.Column("discharged_at", Moment),
    sa.Column("disposition", sa.Text),
    sa.Column("cancelled_at", Moment),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("needs", ARRAY(sa.Text), nullable=False),
    sa.Column("isolation", sa.Text),
    sa.Column("organism", sa.Text),
)
"""``ward_code`` is the ward asked for, then the ward of the patient's bed."""

stay = sa.Table(
    "ipd_stay",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("admission_id", sa.Uuid, nullable=False),
    sa.Column("patient_id", sa.Uuid, nullable=False),
    sa.Column("bed_id", sa.ForeignKey("beds_bed.id"), nullable=False),
    sa.Column("bed_code", sa.Text, nullable=False),
    sa.Column("ward_code", sa.ForeignKey("beds_ward.code"), nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("entered_in_error", sa.Boolean, nullable=False),
    sa.Column("override_reason", sa.Text),
    sa.Column("beside", sa.ForeignKey("ipd_admission.id")),
    sa.Column("apart_reason", sa.Text),
    sa.ForeignKeyConstraint(["admission_id", "patient_id"], ["ipd_admission.id", "ipd_admission.patient_id"]),
)
"""Which bed a patient was in, and when; open while ``ended_at`` is null. ``beside``: the mother's admission,
of a child who came into a cot in her room."""

event = sa.Table(
    "ipd_event",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("admission_id", sa.ForeignKey("ipd_admission.id"), nullable=False),
    sa.Column("move", sa.Text, nullable=False),
    sa.Column("state_before", sa.Text),
    sa.Column("state_after", sa.Text, nullable=False),
    sa.Column("from_ward", sa.Text),
    sa.Column("from_bed", sa.Uuid),
    sa.Column("to_ward", sa.Text),
    sa.Column("to_bed", sa.Uuid),
    sa.Column("disposition", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""Every move of every admission, append-only."""

birth = sa.Table(
    "ipd_birth",
    metadata,
    sa.Column("child_id", sa.ForeignKey("patients_patient.id"), primary_key=True),
    sa.Column("mother_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("admission_id", sa.ForeignKey("ipd_admission.id"), nullable=False),
    sa.Column("child_admission_id", sa.ForeignKey("ipd_admission.id"), nullable=False, unique=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("born_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""Who was born here, of whom, in which admission, and as which child of it."""

round_ = sa.Table(
    "ipd_round",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("admission_id", sa.ForeignKey("ipd_admission.id"), nullable=False),
    sa.Column("ward_code", sa.ForeignKey("beds_ward.code"), nullable=False),
    sa.Column("entry_id", sa.ForeignKey("patients_record_entry.id"), nullable=False, unique=True),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
    sa.Column("recorded_by_name", sa.Text, nullable=False),
)
"""Visits at the bedside, append-only; what was written is in the record."""

summary = sa.Table(
    "ipd_summary",
    metadata,
    sa.Column("admission_id", sa.ForeignKey("ipd_admission.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("entry_id", sa.ForeignKey("patients_record_entry.id"), nullable=False, unique=True),
    sa.Column("written_at", Moment, nullable=False),
    sa.Column("written_by", sa.Uuid, nullable=False),
    sa.Column("amended_because", sa.Text),
)
"""Discharge summaries, append-only; what they say is in the record."""

occupancy_hour = sa.Table(
    "ipd_occupancy_hour",
    metadata,
    sa.Column("ward_code", sa.ForeignKey("beds_ward.code"), primary_key=True),
    sa.Column("hour", Moment, primary_key=True),
    sa.Column("beds", sa.Integer, nullable=False),
    sa.Column("at_start", sa.Integer, nullable=False),
    sa.Column("arrivals", sa.Integer, nullable=False),
    sa.Column("departures", sa.Integer, nullable=False),
    sa.Column("occupied_seconds", sa.Integer, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("computed_at", Moment, nullable=False),
)
"""One row for every ward and finished hour; ``revision`` counts how often a correction changed it."""

occupancy_mark = sa.Table(
    "ipd_occupancy_mark",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("finished_until", Moment, nullable=False),
)
"""One row: hours before this are finished."""

occupancy_stale = sa.Table(
    "ipd_occupancy_stale",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("ward_code", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("until", Moment, nullable=False),
)
"""Times that a stay written since touched: their hours are to be looked at again."""
