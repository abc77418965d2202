"""Tables of outpatients. The SQL that makes them is in ``migrations/versions/0006_opd.py``."""

import sqlalchemy as sa

from hms_rt.departments.opd.model.token import UNFINISHED, TokenState
from hms_rt.storage.metadata import Moment, metadata

clinic = sa.Table(
    "opd_clinic",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("facility_code", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

category = sa.Table(
    "opd_category",
    metadata,
    sa.Column("clinic_code", sa.ForeignKey("opd_clinic.code"), primary_key=True),
    sa.Column("letter", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
)
"""The letters of a clinic's token labels."""

counter = sa.Table(
    "opd_counter",
    metadata,
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("clinic_code", sa.ForeignKey("opd_clinic.code"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""Where patients are called to. Codes are unique per server: assignments name a counter by its code."""

queue = sa.Table(
    "opd_queue",
    metadata,
    sa.Column("clinic_code", sa.ForeignKey("opd_clinic.code"), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("last_number", sa.Integer, nullable=False),
    *(sa.Column(state.value, sa.Integer, nullable=False) for state in TokenState),
)
"""A clinic's queue of one day: the last number given, and its tokens by state, moved by deltas."""

summary = sa.Table(
    "opd_summary",
    metadata,
    sa.Column("clinic_code", sa.ForeignKey("opd_clinic.code"), primary_key=True),
    sa.Column("day", sa.Date, nullable=False),
    *(sa.Column(state.value, sa.Integer, nullable=False) for state in TokenState if state in UNFINISHED),
    sa.Column("active_counters", sa.Integer, nullable=False),
    sa.Column("services", sa.Integer, nullable=False),
    sa.Column("service_p50_s", sa.Integer),
    sa.Column("service_p90_s", sa.Integer),
    sa.Column("service_mean_s", sa.Float, nullable=False),
    sa.Column("service_deviation_s", sa.Float, nullable=False),
)
"""What a clinic's room shows in sum, whatever day its unfinished tokens are of; moved by deltas."""

token = sa.Table(
    "opd_token",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("clinic_code", sa.Text, nullable=False),
    sa.Column("origin_code", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("priority", sa.Text, nullable=False),
    sa.Column("rank", sa.SmallInteger, sa.FetchedValue(), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("counter_code", sa.Text),
    sa.Column("patient_id", sa.Uuid),
    sa.Column("patient_name", sa.Text),
    sa.Column("mrn", sa.Text),
    sa.Column("issued_at", Moment, nullable=False),
    sa.Column("queued_at", Moment, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("changed_at", Moment, nullable=False),
    sa.Column("called_at", Moment),
    sa.Column("serving_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("transferred_from", sa.Uuid),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.ForeignKeyConstraint(["clinic_code", "day"], ["opd_queue.clinic_code", "opd_queue.day"]),
)
"""One patient's stay in one queue; a transfer continues it as another row with the same number. Name and
MRN are copies of what patients says, kept by this department."""

token_event = sa.Table(
    "opd_token_event",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("token_id", sa.ForeignKey("opd_token.id"), nullable=False),
    sa.Column("move", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("counter_code", sa.Text),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("principal_id", sa.Uuid, nullable=False),
    sa.Column("reason", sa.Text),
)
"""Every change of state, for ever; append-only."""
