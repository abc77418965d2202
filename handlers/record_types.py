"""REST of kinds of record entries: what a hospital defines, and what it adds to the built-in ones."""

from hms_rt.departments.patients.schemas.record_types import (
    RecordTypeChange,
    RecordTypeIn,
    RecordTypeOut,
    RecordTypeQuery,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("patients", "Patients: registration, search, demographics, clinical record")


@routes.get(
    "/record-types",
    query=RecordTypeQuery,
    answer=Page[RecordTypeOut],
    permission=Permission.RECORD_TYPE_READ,
    summary="Kinds of record entries",
)
async def record_types(call: Call[None, RecordTypeQuery]) -> Page[RecordTypeOut]:
    """Built-in ones and those of the hospital, by code, each with its JSON Schema."""
    return await call.services.patients.record_types(call.principal, call.query)


@routes.post(
    "/record-types",
    body=RecordTypeIn,
    answer=RecordTypeOut,
    permission=Permission.RECORD_TYPE_DEFINE,
    versioned=True,
    status=201,
    location="/record-types/{code}",
    summary="Define a kind of record entries, or add to a built-in one",
)
async def define_record_type(call: Call[RecordTypeIn, None]) -> RecordTypeOut:
    """The body of every entry of this kind is checked by the schema from now on."""
    return await call.services.patients.define_record_type(call.principal, call.command, call.body)


@routes.get(
    "/record-types/{kind:text}",
    answer=RecordTypeOut,
    permission=Permission.RECORD_TYPE_READ,
    versioned=True,
    summary="One kind of record entries",
)
async def record_type(call: Call[None, None]) -> RecordTypeOut:
    """As it is now."""
    return await call.services.patients.record_type(call.principal, call.path_code("kind"))


@routes.patch(
    "/record-types/{kind:text}",
    body=RecordTypeChange,
    answer=RecordTypeOut,
    permission=Permission.RECORD_TYPE_DEFINE,
    versioned=True,
    summary="Change the definition of a kind",
)
async def change_record_type(call: Call[RecordTypeChange, None]) -> RecordTypeOut:
    """A new version; entries keep the version that they were checked by."""
    return await call.services.patients.change_record_type(
        call.principal, call.command, call.path_code("kind"), call.body
    )


@routes.get(
    "/record-types/{kind:text}/versions/{number:int}",
    answer=RecordTypeOut,
    permission=Permission.RECORD_TYPE_READ,
    summary="A former definition of a kind",
)
async def record_type_version(call: Call[None, None]) -> RecordTypeOut:
    """What entries with this `schema_version` were checked by."""
    return await call.services.patients.record_type(
        call.principal, call.path_code("kind"), call.path_int("number")
    )
