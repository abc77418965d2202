"""Tables of stock and dispensing; the SQL is in ``migrations/versions/``."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata

lot = sa.Table(
    "pharmacy_lot",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("medicine", sa.ForeignKey("pharmacy_medicine.code"), nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("expires_on", sa.Date, nullable=False),
    sa.Column("recall_reason", sa.Text),
    sa.Column("recalled_at", Moment),
    sa.Column("recalled_by", sa.Uuid),
    sa.Column("expired_at", Moment),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Lots of medicines."""

stock = sa.Table(
    "pharmacy_stock",
    metadata,
    sa.Column("lot_id", sa.ForeignKey("pharmacy_lot.id"), primary_key=True),
    sa.Column("store", sa.ForeignKey("pharmacy_store.code"), primary_key=True),
    sa.Column("quantity", sa.Numeric, nullable=False),
)
"""How much of a lot a store has; written by the ledger's trigger alone."""

shelf = sa.Table(
    "pharmacy_shelf",
    metadata,
    sa.Column("store", sa.ForeignKey("pharmacy_store.code"), primary_key=True),
    sa.Column("medicine", sa.ForeignKey("pharmacy_medicine.code"), primary_key=True),
    sa.Column("usable", sa.Numeric, nullable=False),
    sa.Column("reorder_level", sa.Numeric),
    sa.Column("told", sa.Boolean, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("low", sa.Boolean, sa.FetchedValue(), nullable=False),
)
"""What of a medicine a store may hand over; the sum is moved by triggers alone."""

expiry_notice = sa.Table(
    "pharmacy_expiry_notice",
    metadata,
    sa.Column("store", sa.ForeignKey("pharmacy_store.code"), primary_key=True),
    sa.Column("lot_id", sa.ForeignKey("pharmacy_lot.id"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("told_at", Moment, nullable=False),
)
"""What a store was told of the expiry of a lot, once."""

ledger = sa.Table(
    "pharmacy_ledger",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("lot_id", sa.ForeignKey("pharmacy_lot.id"), nullable=False),
    sa.Column("store", sa.ForeignKey("pharmacy_store.code"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("delta", sa.Numeric, nullable=False),
    sa.Column("reference", sa.Uuid),
    sa.Column("reason", sa.Text),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""Every movement of stock, append-only."""

write_off = sa.Table(
    "pharmacy_write_off",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("lot_id", sa.ForeignKey("pharmacy_lot.id"), nullable=False),
    sa.Column("store", sa.ForeignKey("pharmacy_store.code"), nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Uuid, nullable=False),
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("decided_by", sa.Uuid),
    sa.Column("decided_at", Moment),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Stock to be written off, and who else decided."""

dispense = sa.Table(
    "pharmacy_dispense",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("prescription_id", sa.ForeignKey("pharmacy_prescription.id"), nullable=False),
    sa.Column("store", sa.ForeignKey("pharmacy_store.code"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("prepared_by", sa.Uuid, nullable=False),
    sa.Column("prepared_at", Moment, nullable=False),
    sa.Column("handed_over_by", sa.Uuid),
    sa.Column("handed_over_at", Moment),
    sa.Column("ended_by", sa.Uuid),
    sa.Column("ended_at", Moment),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Dispenses, guarded by the lock of their prescription."""

dispense_item = sa.Table(
    "pharmacy_dispense_item",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("dispense_id", sa.ForeignKey("pharmacy_dispense.id"), nullable=False),
    sa.Column("line_id", sa.ForeignKey("pharmacy_line.id"), nullable=False),
    sa.Column("lot_id", sa.ForeignKey("pharmacy_lot.id"), nullable=False),
    sa.Column("medicine", sa.Text, nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("returned", sa.Numeric, nullable=False),
)
"""What a dispense consists of; append-only but for ``returned``, which follows the returns."""

dispense_return = sa.Table(
    "pharmacy_return",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("item_id", sa.ForeignKey("pharmacy_dispense_item.id"), nullable=False),
    sa.Column("quantity", sa.Numeric, nullable=False),
    sa.Column("disposition", sa.Text, nullable=False),
    sa.Column("store", sa.ForeignKey("pharmacy_store.code")),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""What was brought back, append-only."""
