"""Tables of the laboratory. The SQL that makes them is in ``migrations/versions/0007_lab.py``."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata


def _definition() -> list[sa.Column[object]]:
    return [
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("specimen_kind", sa.Text, nullable=False),
        sa.Column("unit", sa.Text),
        sa.Column("decimals", sa.SmallInteger),
        sa.Column("reference_low", sa.Numeric),
        sa.Column("reference_high", sa.Numeric),
        sa.Column("critical_low", sa.Numeric),
        sa.Column("critical_high", sa.Numeric),
        sa.Column("active", sa.Boolean, nullable=False),
    ]


catalogue = sa.Table(
    "lab_catalogue", metadata, *_definition(), sa.Column("version", sa.Integer, nullable=False)
)
"""What can be ordered, as it is defined now."""

catalogue_version = sa.Table(
    "lab_catalogue_version", metadata, *_definition(), sa.Column("version", sa.Integer, primary_key=True)
)
"""Every definition there ever was; append-only, filled by a trigger."""

lab_order = sa.Table(
    "lab_order",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("patient_name", sa.Text, nullable=False),
    sa.Column("mrn", sa.Text, nullable=False),
    sa.Column("ward", sa.Text),
    sa.Column("clinic", sa.Text),
    sa.Column("ordered_by", sa.Uuid, nullable=False),
    sa.Column("priority", sa.Text, nullable=False),
    sa.Column("ordered_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
)
"""Orders, each in the ward or clinic where the patient is treated now. The root of its tests' locks."""

specimen = sa.Table(
    "lab_specimen",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("order_id", sa.ForeignKey("lab_order.id"), nullable=False),
    sa.Column("barcode", sa.Text, nullable=False, unique=True, server_default=sa.FetchedValue()),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("collected_by", sa.Uuid, nullable=False),
    sa.Column("collected_at", Moment, nullable=False),
    sa.Column("received_by", sa.Uuid),
    sa.Column("received_at", Moment),
    sa.Column("rejected_by", sa.Uuid),
    sa.Column("rejected_at", Moment),
    sa.Column("reject_reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Specimens. PostgreSQL issues the barcode where none is given."""

lab_test = sa.Table(
    "lab_test",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("order_id", sa.ForeignKey("lab_order.id"), nullable=False),
    sa.Column("code", sa.ForeignKey("lab_catalogue.code"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("specimen_kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("specimen_id", sa.Uuid),
    sa.Column("specimen_barcode", sa.Text),
    sa.Column("result_version", sa.Integer),
    sa.Column("flag", sa.Text),
    sa.Column("entered_by", sa.Uuid),
    sa.Column("resulted_at", Moment),
    sa.Column("verified_by", sa.Uuid),
    sa.Column("verified_at", Moment),
    sa.Column("released_by", sa.Uuid),
    sa.Column("released_at", Moment),
    sa.Column("alone_reason", sa.Text),
    sa.Column("review_due", sa.Boolean, nullable=False),
    sa.Column("reviewed_by", sa.Uuid),
    sa.Column("reviewed_at", Moment),
    sa.Column("cancel_reason", sa.Text),
    sa.Column("board", sa.Text),
    sa.Column("board_since", Moment),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Tests of orders. ``board`` is the room that shows one: ``ward:<code>``, ``clinic:<code>`` or none."""

result_version = sa.Table(
    "lab_result_version",
    metadata,
    sa.Column("test_id", sa.ForeignKey("lab_test.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("document_id", sa.ForeignKey("document_ref.id"), nullable=False, unique=True),
    sa.Column("flag", sa.Text),
    sa.Column("author", sa.Uuid, nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
)
"""Every version of every result, append-only; what it says is in its document."""

critical_alert = sa.Table(
    "lab_critical_alert",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("test_id", sa.ForeignKey("lab_test.id"), nullable=False),
    sa.Column("result_version", sa.Integer, nullable=False),
    sa.Column("flag", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("raised_at", Moment, nullable=False),
    sa.Column("escalate_at", Moment),
    sa.Column("relayed_by", sa.Uuid),
    sa.Column("relayed_at", Moment),
    sa.Column("read_back_by", sa.Uuid),
    sa.Column("read_back_at", Moment),
    sa.Column("acknowledged_by", sa.Uuid),
    sa.Column("acknowledged_at", Moment),
    sa.Column("note", sa.Text),
    sa.Column("closed_by", sa.Uuid),
    sa.Column("closed_at", Moment),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Critical values and who took them over."""
