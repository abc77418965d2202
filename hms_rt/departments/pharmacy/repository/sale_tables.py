"""Tables of what is sold at dispensaries' own counters; the SQL is in ``migrations/versions/``."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata

till = sa.Table(
    "pharmacy_till",
    metadata,
    sa.Column("counter", sa.ForeignKey("billing_cashier.code"), primary_key=True),
    sa.Column("store", sa.ForeignKey("pharmacy_store.code"), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Counters that are a dispensary's own."""

sale = sa.Table(
    "pharmacy_sale",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False, unique=True, server_default=sa.FetchedValue()),
    sa.Column("store", sa.ForeignKey("pharmacy_store.code"), nullable=False),
    sa.Column("counter", sa.ForeignKey("pharmacy_till.counter"), nullable=False),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("dispense_id", sa.ForeignKey("pharmacy_dispense.id"), unique=True),
    sa.Column("sold_by", sa.Uuid, nullable=False),
    sa.Column("sold_at", Moment, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Sales; PostgreSQL gives the number of the labels."""

sale_invoice = sa.Table(
    "pharmacy_sale_invoice",
    metadata,
    sa.Column("invoice_id", sa.ForeignKey("billing_invoice.id"), primary_key=True),
    sa.Column("sale_id", sa.ForeignKey("pharmacy_sale.id"), nullable=False),
)
"""The invoices of a sale: one, and one more each time that a part came back. Append-only."""

sale_item = sa.Table(
    "pharmacy_sale_item",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("sale_id", sa.ForeignKey("pharmacy_sale.id"), nullable=False),
    sa.Column("lot_id", sa.ForeignKey("pharmacy_lot.id"), nullable=False),
    sa.Column("medicine", sa.ForeignKey("pharmacy_medicine.code"), nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("directions", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("returned", sa.Numeric, nullable=False),
)
"""What was sold without a prescription; append-only but for ``returned``, which follows the returns."""

sale_return = sa.Table(
    "pharmacy_sale_return",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("item_id", sa.ForeignKey("pharmacy_sale_item.id"), nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("disposition", sa.Text, nullable=False),
    sa.Column("store", sa.ForeignKey("pharmacy_store.code")),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""What of it was brought back, append-only."""

sale_override = sa.Table(
    "pharmacy_sale_override",
    metadata,
    sa.Column("sale_id", sa.ForeignKey("pharmacy_sale.id"), primary_key=True),
    sa.Column("medicine", sa.ForeignKey("pharmacy_medicine.code"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("warned", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("overridden_by", sa.Uuid, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
)
"""Warnings that a seller went past, and why; append-only."""
