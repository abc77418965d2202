"""Orders, specimens, tests and versions of results."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata

lab_order = sa.Table(
    "lab_order",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("patient_name", sa.Text, nullable=False),
    sa.Column("mrn", sa.Text, nullable=False),
    sa.Column("restricted", sa.Boolean, nullable=False),
    sa.Column("ward", sa.Text),
    sa.Column("clinic", sa.Text),
    sa.Column("ordered_by", sa.Uuid, nullable=False),
    sa.Column("priority", sa.Text, nullable=False),
    sa.Column("ordered_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("state", sa.Text, nullable=False, server_default=sa.FetchedValue()),
    sa.Column("place", sa.Text, nullable=False, server_default=sa.FetchedValue()),
)
"""Orders, each in the ward or clinic where the patient is treated now. The root of its tests' locks.
``state`` follows the tests by a trigger; ``place`` is ``ward:<code>`` or ``clinic:<code>``, generated."""

order_context = sa.Table(
    "lab_order_context",
    metadata,
    sa.Column("order_id", sa.ForeignKey("lab_order.id"), primary_key=True),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("diagnoses", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("encounter_kind", sa.Text),
    sa.Column("encounter_id", sa.Uuid),
)
"""Why an order was made, and during which visit or admission. Read by itself and audited: what lists and
rooms show of orders says nothing of it."""

order_panel = sa.Table(
    "lab_order_panel",
    metadata,
    sa.Column("order_id", sa.ForeignKey("lab_order.id"), primary_key=True),
    sa.Column("panel", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Which version of which panel an order was made of."""

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
    sa.Column("replaces", sa.Uuid),
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
    sa.Column("panel", sa.Text),
    sa.Column("definition", sa.Integer),
    sa.Column("recollect_of", sa.Uuid),
    sa.Column("delta", sa.Boolean, nullable=False),
    sa.Column("corrected_by", sa.Uuid),
    sa.Column("corrected_at", Moment),
    sa.Column("review_remind_at", Moment),
)
"""Tests of orders. ``board`` is the room that shows one: ``ward:<code>``, ``clinic:<code>`` or none."""

ordered_test = sa.Table(
    "lab_ordered_test",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("ordered_at", Moment, primary_key=True),
    sa.Column("order_id", sa.ForeignKey("lab_order.id"), primary_key=True),
    sa.Column("place", sa.Text),
    sa.Column("ordered_by", sa.Uuid, nullable=False),
)
"""Orders by what was ordered, as lists sort and bound them; written by a trigger when a test is."""

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
    sa.Column("delta", sa.Boolean, nullable=False),
    sa.Column("implausible", sa.Boolean, nullable=False),
)
"""Every version of every result, append-only; what it says is in its document."""
