"""What can be ordered: catalogue, panels, reference ranges."""

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
        sa.Column("plausible_low", sa.Numeric),
        sa.Column("plausible_high", sa.Numeric),
        sa.Column("delta_absolute", sa.Numeric),
        sa.Column("delta_percent", sa.Numeric),
        sa.Column("delta_hours", sa.Integer),
    ]


catalogue = sa.Table(
    "lab_catalogue", metadata, *_definition(), sa.Column("version", sa.Integer, nullable=False)
)
"""What can be ordered, as it is defined now."""

catalogue_version = sa.Table(
    "lab_catalogue_version", metadata, *_definition(), sa.Column("version", sa.Integer, primary_key=True)
)
"""Every definition there ever was; append-only, filled by a trigger."""


def _panel() -> list[sa.Column[object]]:
    return [
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("tests", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
    ]


panel = sa.Table("lab_panel", metadata, *_panel(), sa.Column("version", sa.Integer, nullable=False))
"""Several tests under one name, as it is defined now."""

panel_version = sa.Table(
    "lab_panel_version", metadata, *_panel(), sa.Column("version", sa.Integer, primary_key=True)
)
"""Every version of every panel; append-only, filled by a trigger."""

range_set = sa.Table(
    "lab_range_set",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("valid_from", sa.Date, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("defined_by", sa.Uuid, nullable=False),
    sa.Column("defined_at", Moment, nullable=False),
    sa.Column("withdrawn_by", sa.Uuid),
    sa.Column("withdrawn_at", Moment),
    sa.Column("withdraw_reason", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
)
"""Reference ranges of a test from a day on, until its next set begins."""

reference_range = sa.Table(
    "lab_reference_range",
    metadata,
    sa.Column("set_id", sa.ForeignKey("lab_range_set.id"), primary_key=True),
    sa.Column("sex", sa.Text, primary_key=True),
    sa.Column("age_from_days", sa.Integer, primary_key=True),
    sa.Column("age_to_days", sa.Integer),
    sa.Column("reference_low", sa.Numeric),
    sa.Column("reference_high", sa.Numeric),
    sa.Column("critical_low", sa.Numeric),
    sa.Column("critical_high", sa.Numeric),
)
"""The ranges of a set; the database refuses a gap or an overlap at COMMIT. Append-only."""
