"""Tables of the medication administration record; the SQL is in ``migrations/versions/``."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata

medication = sa.Table(
    "ipd_medication",
    metadata,
    sa.Column("line_id", sa.ForeignKey("pharmacy_line.id"), primary_key=True),
    sa.Column("prescription_id", sa.Uuid, nullable=False),
    sa.Column("admission_id", sa.ForeignKey("ipd_admission.id"), nullable=False),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("patient_name", sa.Text, nullable=False),
    sa.Column("mrn", sa.Text, nullable=False),
    sa.Column("restricted", sa.Boolean, nullable=False),
    sa.Column("ward", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("controlled", sa.Boolean, nullable=False),
    sa.Column("dose", sa.Numeric, nullable=False),
    sa.Column("dose_unit", sa.Text, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("frequency_kind", sa.Text, nullable=False),
    sa.Column("times", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("every_hours", sa.SmallInteger),
    sa.Column("max_per_24h", sa.SmallInteger),
    sa.Column("starts_at", Moment, nullable=False),
    sa.Column("ends_at", Moment, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("planned_until", Moment, nullable=False),
    sa.Column("ceased_at", Moment),
)
"""Lines of inpatients' prescriptions, as the wards give them. The root of the locks of doses."""

dose = sa.Table(
    "ipd_dose",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("line_id", sa.ForeignKey("ipd_medication.line_id"), nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Column("ward", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("cancelled_for", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Doses that are due at a moment; at most one for each."""

administration = sa.Table(
    "ipd_administration",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("line_id", sa.Uuid, nullable=False),
    sa.Column("dose_id", sa.Uuid),
    sa.Column("controlled", sa.Boolean, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("amount", sa.Numeric),
    sa.Column("reason", sa.Text),
    sa.Column("given_by", sa.Uuid, nullable=False),
    sa.Column("witness", sa.Uuid),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("error_reason", sa.Text),
    sa.Column("error_by", sa.Uuid),
    sa.Column("error_at", Moment),
)
"""What became of doses; append-only, but that an entry may be retracted once."""

medication_sum = sa.Table(
    "ipd_medication_sum",
    metadata,
    sa.Column("ward", sa.Text, primary_key=True),
    sa.Column("due", sa.Integer, nullable=False),
    sa.Column("overdue", sa.Integer, nullable=False),
)
"""Doses of a ward that are due or overdue, moved by deltas."""
