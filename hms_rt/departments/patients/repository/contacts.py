"""Rows of contacts."""

import uuid
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hms_rt.departments.patients.model.contact import Contact, ContactKind
from hms_rt.departments.patients.tables import patients_contact as contacts


def _contact(row: Row[Any]) -> Contact:
    return Contact(**{**row._asdict(), "kind": ContactKind(row.kind)})


async def add(connection: AsyncConnection, contact: Contact) -> None:
    """Insert a contact."""
    await connection.execute(insert(contacts).values(asdict(contact)))


async def save(connection: AsyncConnection, contact: Contact) -> None:
    """Store a contact of a locked patient."""
    await connection.execute(update(contacts).where(contacts.c.id == contact.id).values(asdict(contact)))


async def of_patient(connection: AsyncConnection, patient_id: uuid.UUID) -> list[Contact]:
    """Every contact of a patient, former ones too, in the order of recording."""
    query = select(contacts).where(contacts.c.patient_id == patient_id).order_by(contacts.c.id)
    return [_contact(row) for row in await connection.execute(query)]


async def by_id(connection: AsyncConnection, patient_id: uuid.UUID, contact_id: uuid.UUID) -> Contact | None:
    """One contact of this patient."""
    query = select(contacts).where(contacts.c.id == contact_id, contacts.c.patient_id == patient_id)
    row = (await connection.execute(query)).one_or_none()
    return _contact(row) if row is not None else None
