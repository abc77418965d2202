"""Kinds of record entries: defined and changed by administrators, read by those who write."""

from dataclasses import replace

from sqlalchemy.exc import IntegrityError

from hms_rt.departments.patients.model.entry import EntryKind
from hms_rt.departments.patients.model.record_type import BUILT_IN, RecordType, check_writer
from hms_rt.departments.patients.model.schema_rules import check_schema
from hms_rt.departments.patients.repository import record_types
from hms_rt.departments.patients.schemas.record_types import (
    RecordTypeChange,
    RecordTypeIn,
    RecordTypeOut,
    RecordTypeQuery,
)
from hms_rt.departments.patients.service.foundation import Foundation
from hms_rt.departments.patients.service.validation import check_definition
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import conflict, not_found
from hms_rt.kernel.paging import Page, page_by_code
from hms_rt.kernel.principal import Principal
from hms_rt.security.permissions import Permission, require
from hms_rt.storage.postgres import violated
from hms_rt.storage.unit_of_work import UnitOfWork


class RecordTypes(Foundation):
    """What may stand in a record, beyond what is built in."""

    async def define_record_type(
        self, principal: Principal, command: Command, new: RecordTypeIn
    ) -> RecordTypeOut:
        """Define a kind, or what is added to a built-in one. Raises ``invalid`` for a schema outside the
        rules, ``conflict`` for a code that is defined already."""

        async def work(uow: UnitOfWork) -> RecordTypeOut:
            require(principal, Permission.RECORD_TYPE_DEFINE)
            check_writer(new.code, new.written_as)
            check_schema(new.body_schema)
            check_definition(new.body_schema)
            made = RecordType(
                code=new.code,
                name=new.name,
                written_as=new.written_as,
                schema=new.body_schema,
                active=True,
                version=1,
                updated_at=uow.now,
                updated_by=principal.id,
            )
            try:
                await record_types.add(uow.connection, made)
            except IntegrityError as error:
                if violated(error) == "patients_record_type_pkey":
                    raise conflict("that kind is defined already: change it") from None
                raise
            uow.audit("record_type.define", entity="record_type", entity_id=made.code)
            return _out(made.code, made)

        return await self._units.execute(principal, command, RecordTypeOut, work)

    async def change_record_type(
        self, principal: Principal, command: Command, code: str, change: RecordTypeChange
    ) -> RecordTypeOut:
        """The next version of a definition; requires the version that was read. Older entries keep theirs."""

        async def work(uow: UnitOfWork) -> RecordTypeOut:
            require(principal, Permission.RECORD_TYPE_DEFINE)
            known = await record_types.lock(uow.connection, code)
            if known is None:
                raise not_found("that definition")
            command.require_version(known.version)
            schema = known.schema
            if change.body_schema is not None:
                check_schema(change.body_schema)
                check_definition(change.body_schema)
                schema = change.body_schema
            changed = replace(
                known,
                name=change.name or known.name,
                schema=schema,
                active=known.active if change.active is None else change.active,
                version=known.version + 1,
                updated_at=uow.now,
                updated_by=principal.id,
            )
            await record_types.save(uow.connection, changed)
            uow.audit(
                "record_type.change",
                entity="record_type",
                entity_id=code,
                detail={"version": changed.version, "active": changed.active},
            )
            return _out(code, changed)

        return await self._units.execute(principal, command, RecordTypeOut, work)

    async def record_types(self, principal: Principal, query: RecordTypeQuery) -> Page[RecordTypeOut]:
        """Every kind by code, built-in ones among them."""
        require(principal, Permission.RECORD_TYPE_READ)
        async with self._units.reading() as connection:
            defined = {one.code: one for one in await record_types.all_types(connection)}
        codes = sorted({*map(str, EntryKind), *defined})
        shown, cursor = page_by_code([_out(code, defined.get(code)) for code in codes], query)
        return Page[RecordTypeOut](items=shown, next_cursor=cursor)

    async def record_type(self, principal: Principal, code: str, number: int | None = None) -> RecordTypeOut:
        """One kind as it is now, or as it was in version ``number``; raises ``not_found``."""
        require(principal, Permission.RECORD_TYPE_READ)
        async with self._units.reading() as connection:
            if number is None:
                defined = await record_types.by_code(connection, code)
            else:
                defined = await record_types.version(connection, code, number)
        if defined is None and (number is not None or code not in frozenset(EntryKind)):
            raise not_found("that kind")
        return _out(code, defined)


def _out(code: str, defined: RecordType | None) -> RecordTypeOut:
    name, base = BUILT_IN[EntryKind(code)] if code in frozenset(EntryKind) else (code, None)
    return RecordTypeOut(
        code=code,
        name=defined.name if defined is not None else name,
        built_in=base is not None,
        written_as=defined.written_as if defined is not None else None,
        base=dict(base) if base is not None else None,
        body_schema=dict(defined.schema) if defined is not None else None,
        active=defined.active if defined is not None else True,
        version=defined.version if defined is not None else 0,
        updated_at=defined.updated_at if defined is not None else None,
        updated_by=defined.updated_by if defined is not None else None,
    )
