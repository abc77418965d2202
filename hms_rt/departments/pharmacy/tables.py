"""Tables of the pharmacy's formulary and prescriptions. The SQL is in ``migrations/versions/``."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata


def _definition() -> list[sa.Column[object]]:
    return [
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("generic", sa.Text, nullable=False),
        sa.Column("brand", sa.Text),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("strength", sa.Numeric, nullable=False),
        sa.Column("strength_unit", sa.Text, nullable=False),
        sa.Column("per", sa.Numeric, nullable=False),
        sa.Column("dispense_unit", sa.Text, nullable=False),
        sa.Column("atc", sa.Text),
        sa.Column("dose_min", sa.Numeric),
        sa.Column("dose_max", sa.Numeric),
        sa.Column("daily_max", sa.Numeric),
        sa.Column("controlled", sa.Boolean, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("over_the_counter", sa.Boolean, nullable=False),
    ]


medicine = sa.Table(
    "pharmacy_medicine", metadata, *_definition(), sa.Column("version", sa.Integer, nullable=False)
)
"""The formulary as it is now."""

medicine_version = sa.Table(
    "pharmacy_medicine_version", metadata, *_definition(), sa.Column("version", sa.Integer, primary_key=True)
)
"""Every definition there ever was; append-only, filled by a trigger."""

store = sa.Table(
    "pharmacy_store",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("ward", sa.ForeignKey("beds_ward.code")),
    sa.Column("near_expiry_days", sa.SmallInteger),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Where medicines are kept: dispensaries, and the cupboards of wards."""

prescription = sa.Table(
    "pharmacy_prescription",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True, server_default=sa.FetchedValue()),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("patient_name", sa.Text, nullable=False),
    sa.Column("mrn", sa.Text, nullable=False),
    sa.Column("restricted", sa.Boolean, nullable=False),
    sa.Column("admission_id", sa.Uuid),
    sa.Column("visit_id", sa.Uuid),
    sa.Column("ward", sa.Text),
    sa.Column("clinic", sa.Text),
    sa.Column("take_home", sa.Boolean, nullable=False),
    sa.Column("dispensary", sa.ForeignKey("pharmacy_store.code"), nullable=False),
    sa.Column("prescribed_by", sa.Uuid, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("prescribed_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Prescriptions. PostgreSQL gives the number of the pick-up screen."""

line = sa.Table(
    "pharmacy_line",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("prescription_id", sa.ForeignKey("pharmacy_prescription.id"), nullable=False),
    sa.Column("position", sa.SmallInteger, nullable=False),
    sa.Column("medicine", sa.ForeignKey("pharmacy_medicine.code"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("generic", sa.Text, nullable=False),
    sa.Column("controlled", sa.Boolean, nullable=False),
    sa.Column("dose", sa.Numeric, nullable=False),
    sa.Column("dose_unit", sa.Text, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
    sa.Column("frequency_kind", sa.Text, nullable=False),
    sa.Column("times", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("every_hours", sa.SmallInteger),
    sa.Column("max_per_24h", sa.SmallInteger),
    sa.Column("starts_at", Moment, nullable=False),
    sa.Column("ends_at", Moment, nullable=False),
    sa.Column("duration_days", sa.SmallInteger, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("dispense_unit", sa.Text, nullable=False),
    sa.Column("dispensed", sa.Numeric, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("not_dispensed", sa.Text),
    sa.Column("returned", sa.Numeric, nullable=False),
    sa.Column("allergy_alert", sa.Boolean, nullable=False),
)
"""Medicines of prescriptions, guarded by the lock of the prescription."""

override = sa.Table(
    "pharmacy_override",
    metadata,
    sa.Column("line_id", sa.ForeignKey("pharmacy_line.id"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("warned", sa.Text, primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("overridden_by", sa.Uuid, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
)
"""Warnings that a prescriber went past, and why; append-only."""

event = sa.Table(
    "pharmacy_event",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("prescription_id", sa.ForeignKey("pharmacy_prescription.id"), nullable=False),
    sa.Column("move", sa.Text, nullable=False),
    sa.Column("state_before", sa.Text),
    sa.Column("state_after", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""Every move of every prescription, append-only."""
