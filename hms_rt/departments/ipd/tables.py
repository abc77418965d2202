"""Tables of inpatients. The SQL that makes them is in ``migrations/versions/0008_ipd.py``."""

import sqlalchemy as sa

from hms_rt.storage.metadata import Moment, metadata

admission = sa.Table(
    "ipd_admission",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("patient_id", sa.ForeignKey("patients_patient.id"), nullable=False),
    sa.Column("ward_code", sa.ForeignKey("beds_ward.code"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Uuid, nullable=False),
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("accepted_at", Moment),
    sa.Column("admitted_at", Moment),
    sa.Column("discharge_ordered_at", Moment),
    sa.Column("planned_disposition", sa.Text),
    sa.Column("discharged_at", Moment),
    sa.Column("disposition", sa.Text),
    sa.Column("cancelled_at", Moment),
    sa.Column("version", sa.BigInteger, nullable=False),
)
"""``ward_code`` is the ward asked for, then the ward of the patient's bed."""

stay = sa.Table(
    "ipd_stay",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("admission_id", sa.Uuid, nullable=False),
    sa.Column("patient_id", sa.Uuid, nullable=False),
    sa.Column("bed_id", sa.ForeignKey("beds_bed.id"), nullable=False),
    sa.Column("bed_code", sa.Text, nullable=False),
    sa.Column("ward_code", sa.ForeignKey("beds_ward.code"), nullable=False),
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("ended_at", Moment),
    sa.Column("entered_in_error", sa.Boolean, nullable=False),
    sa.ForeignKeyConstraint(["admission_id", "patient_id"], ["ipd_admission.id", "ipd_admission.patient_id"]),
)
"""Which bed a patient was in, and when; open while ``ended_at`` is null."""

event = sa.Table(
    "ipd_event",
    metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("admission_id", sa.ForeignKey("ipd_admission.id"), nullable=False),
    sa.Column("move", sa.Text, nullable=False),
    sa.Column("state_before", sa.Text),
    sa.Column("state_after", sa.Text, nullable=False),
    sa.Column("from_ward", sa.Text),
    sa.Column("from_bed", sa.Uuid),
    sa.Column("to_ward", sa.Text),
    sa.Column("to_bed", sa.Uuid),
    sa.Column("disposition", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Column("recorded_by", sa.Uuid, nullable=False),
)
"""Every move of every admission, append-only."""
