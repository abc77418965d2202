"""REST of patients: registration, search, demographics, and the clinical record."""

from handlers.breaking_glass import glass
from hms_rt.departments.patients.schemas import (
    Candidates,
    EntryFull,
    EntryNew,
    EntryOut,
    EntryQuery,
    PatientNew,
    PatientOut,
    PatientProbe,
    PatientQuery,
    PatientUpdate,
    Retraction,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("patients", "Patients: registration, search, demographics, clinical record")


@routes.post(
    "/patients",
    body=PatientNew,
    answer=PatientOut,
    permission=Permission.PATIENT_REGISTER,
    versioned=True,
    status=201,
    location="/patients/{id}",
    summary="Register a patient",
)
async def register(call: Call[PatientNew, None]) -> PatientOut:
    """By name, or unidentified under a placeholder; the server issues the MRN. Where the patient may be
    registered already the answer is 409 `possible_duplicate` with `candidates` (id, score, what speaks for
    it): use one of them, or send `confirm_new` with the reason why it is none."""
    return await call.services.patients.register(call.principal, call.command, call.body)


@routes.post(
    "/patients/match",
    body=PatientProbe,
    answer=Candidates,
    permission=Permission.PATIENT_REGISTER,
    status=200,
    summary="Who may be registered already",
)
async def match(call: Call[PatientProbe, None]) -> Candidates:
    """Before registering: patients of a like name (other spelling, order, script), birth date (slips of the
    keyboard), sex, telephone number or identifier, with a score; audited like a search."""
    return await call.services.patients.match(call.principal, call.command, call.body)


@routes.get(
    "/patients",
    query=PatientQuery,
    answer=Page[PatientOut],
    permission=Permission.PATIENT_SEARCH,
    summary="Find patients",
)
async def search(call: Call[None, PatientQuery]) -> Page[PatientOut]:
    """By beginning of the name, by any number, or by the last digits of the telephone number; audited."""
    return await call.services.patients.search(call.principal, call.command, call.query)


@routes.get(
    "/patients/{id}",
    answer=PatientOut,
    permission=Permission.PATIENT_READ_MINIMUM,
    versioned=True,
    summary="One patient",
)
async def get(call: Call[None, None]) -> PatientOut:
    """As much as the caller may see; audited. The id of a record that was merged away answers the survivor.
    Doctors and nurses see a restricted patient of somebody else by giving a reason in the header
    `Break-Glass-Reason`."""
    return await call.services.patients.get(call.principal, call.command, call.path_uuid("id"), glass(call))


@routes.patch(
    "/patients/{id}",
    body=PatientUpdate,
    answer=PatientOut,
    permission=Permission.PATIENT_UPDATE,
    versioned=True,
    summary="Correct demographics, or identify a patient",
)
async def update(call: Call[PatientUpdate, None]) -> PatientOut:
    """What is absent stays; every board that shows the patient follows."""
    return await call.services.patients.update(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.post(
    "/patients/{id}/record",
    body=EntryNew,
    answer=EntryOut,
    permission=Permission.RECORD_WRITE_NOTE,
    status=201,
    location="/patients/{patient_id}/record/{id}",
    summary="Add an entry to the clinical record",
)
async def append(call: Call[EntryNew, None]) -> EntryOut:
    """Entries are never changed: a correction is a new entry that supersedes the old one."""
    return await call.services.patients.append(call.principal, call.command, call.path_uuid("id"), call.body)


@routes.get(
    "/patients/{id}/record",
    query=EntryQuery,
    answer=Page[EntryFull],
    permission=Permission.RECORD_READ,
    summary="The clinical record",
)
async def list_entries(call: Call[None, EntryQuery]) -> Page[EntryFull]:
    """What happened last first; audited. Doctors and nurses read the record of somebody else's patient by
    giving a reason in the header `Break-Glass-Reason` (percent-encoded UTF-8), which is audited too."""
    return await call.services.patients.list_entries(
        call.principal, call.command, call.path_uuid("id"), call.query, glass(call)
    )


@routes.get(
    "/patients/{id}/record/{entry_id}",
    answer=EntryFull,
    permission=Permission.RECORD_READ,
    summary="One entry of the clinical record",
)
async def get_entry(call: Call[None, None]) -> EntryFull:
    """Whatever its state; audited. `Break-Glass-Reason` works as on the list."""
    return await call.services.patients.get_entry(
        call.principal, call.command, call.path_uuid("id"), call.path_uuid("entry_id"), glass(call)
    )


@routes.post(
    "/patients/{id}/record/{entry_id}/retract",
    body=Retraction,
    answer=EntryOut,
    permission=Permission.RECORD_WRITE_NOTE,
    status=201,
    location="/patients/{patient_id}/record/{id}",
    summary="Mark an entry as entered in error",
)
async def retract(call: Call[Retraction, None]) -> EntryOut:
    """The entry stays readable with that state; the reason becomes an entry of its own."""
    return await call.services.patients.retract(
        call.principal, call.command, call.path_uuid("id"), call.path_uuid("entry_id"), call.body
    )
