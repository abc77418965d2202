"""What goes on around results: history, readers, notices of corrections, critical alerts."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata

test_event = sa.Table(
    "lab_test_event",
    metadata,
    sa.Column("test_id", sa.ForeignKey("lab_test.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("move", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("result_version", sa.Integer),
    sa.Column("by", sa.Uuid, nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("reason", sa.Text),
)
"""What happened with a test, one row for each version of it that a person made; append-only."""

result_read = sa.Table(
    "lab_result_read",
    metadata,
    sa.Column("test_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("first_at", Moment, nullable=False),
)
"""Who read which version of a result first when; append-only."""

correction_notice = sa.Table(
    "lab_correction_notice",
    metadata,
    sa.Column("test_id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("notified_at", Moment, nullable=False),
    sa.Column("reminders", sa.Integer, nullable=False),
    sa.Column("remind_at", Moment),
    sa.Column("seen_at", Moment),
    sa.Column("superseded_by", sa.Integer),
)
"""Who must learn of a correction: told again at ``remind_at`` until the new version was read."""

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
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("nobody_on_call", sa.Boolean, nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("ordered_by", sa.Uuid, nullable=False),
    sa.Column("superseded_by", sa.Integer),
)
"""Critical values and who took them over; never deleted. ``place`` follows the order's."""

alert_event = sa.Table(
    "lab_alert_event",
    metadata,
    sa.Column("alert_id", sa.ForeignKey("lab_critical_alert.id"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("move", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("by", sa.Uuid, nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("told", sa.ARRAY(sa.Uuid), nullable=False),
    sa.Column("note", sa.Text),
)
"""What happened with an alert, and who was told when; append-only."""

alert_recipient = sa.Table(
    "lab_alert_recipient",
    metadata,
    sa.Column("alert_id", sa.ForeignKey("lab_critical_alert.id"), primary_key=True),
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("told_at", Moment, nullable=False),
)
"""Who was told of an alert, at which step first: they hear it when the value turns out wrong. Append-only."""
