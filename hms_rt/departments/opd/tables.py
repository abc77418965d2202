"""Tables of outpatients. The SQL that makes them is in the migrations ``0006_opd`` and later."""

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
    sa.Column("restricted", sa.Boolean, nullable=False),
    sa.Column("doctor_id", sa.Uuid),
    sa.Column("issued_at", Moment, nullable=False),
    sa.Column("queued_at", Moment, nullable=False),
    sa.Column("due_at", Moment),
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

schedule = sa.Table(
    "opd_schedule",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("clinic_code", sa.ForeignKey("opd_clinic.code"), nullable=False),
    sa.Column("doctor_id", sa.Uuid, nullable=False),
    sa.Column("weekdays", sa.ARRAY(sa.SmallInteger), nullable=False),
    sa.Column("starts", sa.Time, nullable=False),
    sa.Column("ends", sa.Time, nullable=False),
    sa.Column("slot_minutes", sa.Integer, nullable=False),
    sa.Column("capacity", sa.Integer, nullable=False),
    sa.Column("overbook", sa.Integer, nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date),
    sa.Column("grown_until", sa.Date, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""Weekly patterns of doctors; slots exist up to ``grown_until``."""

absence = sa.Table(
    "opd_absence",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("clinic_code", sa.Text),
    sa.Column("doctor_id", sa.Uuid),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("starts_at", Moment, nullable=False),
    sa.Column("ends_at", Moment, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("revoked", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""When nobody is seen: by a doctor, in a clinic, or, with neither, in the whole hospital."""

slot = sa.Table(
    "opd_slot",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("schedule_id", sa.ForeignKey("opd_schedule.id"), nullable=False),
    sa.Column("clinic_code", sa.Text, nullable=False),
    sa.Column("doctor_id", sa.Uuid, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("starts_at", Moment, nullable=False),
    sa.Column("ends_at", Moment, nullable=False),
    sa.Column("capacity", sa.Integer, nullable=False),
    sa.Column("overbook", sa.Integer, nullable=False),
    sa.Column("booked", sa.Integer, sa.FetchedValue(), nullable=False),
    sa.Column("absence_id", sa.ForeignKey("opd_absence.id")),
    sa.Column("withdrawn", sa.Text),
)
"""Times at which patients can be seen. ``booked`` is moved by a trigger on appointments alone; ``withdrawn``
says why a slot is gone although somebody was booked into it."""

appointment = sa.Table(
    "opd_appointment",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("slot_id", sa.Uuid, nullable=False),
    sa.Column("clinic_code", sa.Text, nullable=False),
    sa.Column("doctor_id", sa.Uuid, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("starts_at", Moment, nullable=False),
    sa.Column("ends_at", Moment, nullable=False),
    sa.Column("patient_id", sa.Uuid, nullable=False),
    sa.Column("patient_name", sa.Text, nullable=False),
    sa.Column("mrn", sa.Text, nullable=False),
    sa.Column("restricted", sa.Boolean, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("overbooked", sa.Boolean, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("rescheduled_from", sa.Uuid),
    sa.Column("token_id", sa.Uuid),
    sa.Column("arrived_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""Appointments. Name and MRN are copies of what patients says, as with tokens."""

appointment_event = sa.Table(
    "opd_appointment_event",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("appointment_id", sa.ForeignKey("opd_appointment.id"), nullable=False),
    sa.Column("move", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("principal_id", sa.Uuid, nullable=False),
    sa.Column("reason", sa.Text),
)
"""Every change of state of appointments, for ever; append-only."""

line = sa.Table(
    "opd_line",
    metadata,
    sa.Column("clinic_code", sa.ForeignKey("opd_clinic.code"), primary_key=True),
    sa.Column("in_row", sa.Integer, nullable=False),
    sa.Column("at_most", sa.Integer, nullable=False),
)
"""How many appointments were called one after the other in a clinic, and how many may be."""

announcement = sa.Table(
    "opd_announcement",
    metadata,
    sa.Column("clinic_code", sa.ForeignKey("opd_clinic.code"), primary_key=True),
    sa.Column("position", sa.SmallInteger, primary_key=True),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
)
"""What is said when somebody is called, in the languages of a clinic, one after the other."""

wait = sa.Table(
    "opd_wait",
    metadata,
    sa.Column("token_id", sa.ForeignKey("opd_token.id"), primary_key=True),
    sa.Column("clinic_code", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("appointment", sa.Boolean, nullable=False),
    sa.Column("joined_at", Moment, nullable=False),
    sa.Column("ahead", sa.Integer, nullable=False),
    sa.Column("p50_s", sa.Integer),
    sa.Column("p90_s", sa.Integer),
    sa.Column("waited_s", sa.Integer),
)
"""What was promised when a token joined a queue, and how long it then waited for its first call."""

visit = sa.Table(
    "opd_visit",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("clinic_code", sa.ForeignKey("opd_clinic.code"), nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("patient_id", sa.Uuid, nullable=False),
    sa.Column("patient_name", sa.Text, nullable=False),
    sa.Column("mrn", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("opened_at", Moment, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("token_id", sa.Uuid),
    sa.Column("appointment_id", sa.Uuid),
    sa.Column("doctor_id", sa.Uuid),
    sa.Column("triaged_at", Moment),
    sa.Column("consulted_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("disposition", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""Visits; what is written during one is in the patients' record, with the visit as its context."""

visit_order = sa.Table(
    "opd_visit_order",
    metadata,
    sa.Column("visit_id", sa.ForeignKey("opd_visit.id"), primary_key=True),
    sa.Column("order_id", sa.Uuid, primary_key=True),
    sa.Column("ordered_at", Moment, nullable=False),
)
"""Which laboratory orders were placed during a visit; told by the laboratory's events."""

visit_event = sa.Table(
    "opd_visit_event",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("visit_id", sa.ForeignKey("opd_visit.id"), nullable=False),
    sa.Column("move", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text, nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("principal_id", sa.Uuid, nullable=False),
    sa.Column("reason", sa.Text),
)
"""Every change of state of visits, for ever; append-only."""
