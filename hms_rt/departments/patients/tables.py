"""Tables of patients. The SQL that makes them is in the migrations 0003 and 0010."""

from typing import Any

from sqlalchemy import Boolean, Column, Date, FetchedValue, ForeignKey, Integer, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

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
    Column("merged_into", Uuid, ForeignKey("patients_patient.id")),
    Column("died_at", Moment),
    Column("death_recorded_at", Moment),
    Column("death_recorded_by", Uuid),
    Column("restricted", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
"""Patients. PostgreSQL issues the MRN where none is given. Search columns compare by code point. Whoever was
merged away stays as a pointer to the survivor."""

patients_merge = Table(
    "patients_merge",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("from_id", Uuid, ForeignKey("patients_patient.id"), nullable=False),
    Column("into_id", Uuid, ForeignKey("patients_patient.id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("merged_at", Moment, nullable=False),
    Column("merged_by", Uuid, nullable=False),
    Column("undone_at", Moment),
    Column("undone_by", Uuid),
    Column("undo_reason", Text),
)
"""Every merge, for ever; one that is not undone is behind each pointer to a survivor."""

patients_repoint = Table(
    "patients_repoint",
    metadata,
    Column("table_name", Text, primary_key=True),
    Column("row_id", Text, primary_key=True),
    Column("merge_id", Uuid, ForeignKey("patients_merge.id"), primary_key=True),
)
"""The rows that each merge moved, of whatever department."""

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
    Column("context_kind", Text),
    Column("context_id", Uuid),
    Column("schema_version", Integer),
)
"""Entries of the clinical record; append-only. What an entry says is in its document."""

patients_identifier = Table(
    "patients_identifier",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patients_patient.id"), nullable=False),
    Column("type", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("compared", Text(collation="C"), nullable=False),
    Column("valid_from", Date),
    Column("valid_until", Date),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", Uuid, nullable=False),
    Column("error_reason", Text),
)
"""Numbers that others gave patients; unique per type and issuer where the issuer guarantees it."""

patients_contact = Table(
    "patients_contact",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patients_patient.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("relationship", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated_at", Moment, nullable=False),
)
"""Whom to call about a patient."""

patients_allergy = Table(
    "patients_allergy",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patients_patient.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("substance", Text, nullable=False),
    Column("code_system", Text),
    Column("code", Text),
    Column("reaction", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", Uuid, nullable=False),
    Column("verified_at", Moment),
    Column("verified_by", Uuid),
    Column("supersedes", Uuid, ForeignKey("patients_allergy.id"), unique=True),
    Column("entered_in_error", Boolean, nullable=False),
    Column("error_reason", Text),
)
"""Statements about allergies; append-only. A later row supersedes an earlier one, or retracts it."""


def _record_type() -> list[Column[Any]]:
    return [
        Column("name", Text, nullable=False),
        Column("written_as", Text),
        Column("schema", JSONB, nullable=False),
        Column("active", Boolean, nullable=False),
        Column("updated_at", Moment, nullable=False),
        Column("updated_by", Uuid, nullable=False),
    ]


patients_record_type = Table(
    "patients_record_type",
    metadata,
    Column("code", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    *_record_type(),
)
"""Kinds of entries that the hospital defines, and what it adds to built-in ones."""

patients_record_type_version = Table(
    "patients_record_type_version",
    metadata,
    Column("code", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    *_record_type(),
)
"""Every version of every definition, append-only; entries keep theirs. Filled by a trigger."""

patients_match_key = Table(
    "patients_match_key",
    metadata,
    Column("key", Text(collation="C"), primary_key=True),
    Column("patient_id", Uuid, ForeignKey("patients_patient.id"), primary_key=True),
)
"""What patients are compared by when somebody is registered who may be one of them (``model.matching``)."""
