"""Tables of patients. The SQL that makes them is in ``migrations/versions/0003_patients.py``."""

from sqlalchemy import Boolean, Column, Date, FetchedValue, ForeignKey, Integer, Table, Text, Uuid

from hms_rt.storage.metadata import Moment, metadata

patients_patient = Table(
    "patients_patient",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("mrn", Text(collation="C"), nullable=False, unique=True, server_default=FetchedValue()),
    Column("family_name", Text, nullable=False),
    Column("given_name", Text, nullable=False),
    Column("sex", Text, nullable=False),
    Column("birth_date", Date),
    Column("phone", Text, nullable=False),
    Column("unidentified", Boolean, nullable=False),
    Column("search_name", Text(collation="C"), nullable=False),
    Column("phone_reversed", Text(collation="C"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
"""Patients. PostgreSQL issues the MRN where none is given. Search columns compare by code point."""

patients_record_entry = Table(
    "patients_record_entry",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patients_patient.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("document_id", Uuid, ForeignKey("document_ref.id"), nullable=False, unique=True),
    Column("occurred_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("author", Uuid, nullable=False),
    Column("supersedes", Uuid, ForeignKey("patients_record_entry.id"), unique=True),
    Column("entered_in_error", Boolean, nullable=False),
)
"""Entries of the clinical record; append-only. What an entry says is in its document."""
