"""Tables of billing. The SQL is in ``migrations/versions/``. Money is ``numeric``, never anything else."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata

currency = sa.Table(
    "billing_currency",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("scale", sa.SmallInteger, nullable=False),
)
"""One row: what every amount is in."""

payer = sa.Table(
    "billing_payer",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
)

patient_class = sa.Table(
    "billing_class",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
)

service = sa.Table(
    "billing_service",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("chargeable", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

tariff = sa.Table(
    "billing_tariff",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("service", sa.ForeignKey("billing_service.code"), nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("patient_class", sa.ForeignKey("billing_class.code"), nullable=False),
)
"""A service for a payer and class; its prices follow each other without overlap."""

price = sa.Table(
    "billing_price",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("tariff_id", sa.ForeignKey("billing_tariff.id"), nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("valid_until", sa.Date),
    sa.Column("unit_price", sa.Numeric, nullable=False),
    sa.Column("tax_rate", sa.Numeric, nullable=False),
    sa.Column("payer_share", sa.Numeric, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)

coverage = sa.Table(
    "billing_coverage",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("patient_class", sa.ForeignKey("billing_class.code"), nullable=False),
    sa.Column("policy", sa.Text),
    sa.Column("since", sa.Date, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""Who pays for a patient from a day on, and in which class; the newest of a day counts."""

stay = sa.Table(
    "billing_stay",
    metadata,
    sa.Column("admission_id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("ward", sa.Text),
    sa.Column("arrived", sa.Date, nullable=False),
    sa.Column("next_day", sa.Date, nullable=False),
)
"""What is charged by the day: the ward (null once the patient left) and the first day not charged yet."""

charge = sa.Table(
    "billing_charge",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("admission_id", sa.Uuid),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("service", sa.ForeignKey("billing_service.code")),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("payer", sa.ForeignKey("billing_payer.code"), nullable=False),
    sa.Column("patient_class", sa.ForeignKey("billing_class.code"), nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
    sa.Column("unit_price", sa.Numeric),
    sa.Column("tax_rate", sa.Numeric),
    sa.Column("net", sa.Numeric),
    sa.Column("tax", sa.Numeric),
    sa.Column("gross", sa.Numeric),
    sa.Column("payer_part", sa.Numeric),
    sa.Column("patient_part", sa.Numeric),
    sa.Column("reverses", sa.ForeignKey("billing_charge.id"), unique=True),
    sa.Column("reversed_by", sa.ForeignKey("billing_charge.id")),
    sa.Column("reason", sa.Text),
)
"""The append-only ledger of what was done and what it costs."""
