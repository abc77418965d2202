"""REST of requests to housekeeping. Nothing of a patient is in them."""

from hms_rt.departments.beds.schemas import CleaningIn, CleaningOut, CleaningQuery
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("cleaning", "Housekeeping: requests to clean beds")


@routes.get(
    "/cleaning",
    query=CleaningQuery,
    answer=Page[CleaningOut],
    permission=Permission.CLEANING_READ,
    summary="Cleaning requests of a ward",
)
async def list_cleanings(call: Call[None, CleaningQuery]) -> Page[CleaningOut]:
    """Newest first. The room ``cleaning:<ward>`` shows the open ones live."""
    return await call.services.beds.cleanings(call.principal, call.query)


@routes.post(
    "/beds/{id}/cleaning",
    body=CleaningIn,
    answer=CleaningOut,
    status=201,
    permission=Permission.CLEANING_REQUEST,
    command="beds.request_cleaning",
    versioned=True,
    summary="Ask for something to be cleaned at a bed",
)
async def request_cleaning(call: Call[CleaningIn, None]) -> CleaningOut:
    """The bed's state stays. Beds that patients leave are asked for by themselves."""
    return await call.services.beds.request_cleaning(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post(
    "/cleaning/{id}/claim",
    answer=CleaningOut,
    permission=Permission.CLEANING_DO,
    command="beds.claim_cleaning",
    versioned=True,
    summary="Start to clean",
)
async def claim(call: Call[None, None]) -> CleaningOut:
    """From then on a contaminated bed is being cleaned."""
    return await call.services.beds.claim_cleaning(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/cleaning/{id}/give-back",
    answer=CleaningOut,
    permission=Permission.CLEANING_DO,
    command="beds.give_back_cleaning",
    versioned=True,
    summary="Leave it to somebody else",
)
async def give_back(call: Call[None, None]) -> CleaningOut:
    """By whoever claimed it, or the ward."""
    return await call.services.beds.give_back_cleaning(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/cleaning/{id}/finish",
    answer=CleaningOut,
    permission=Permission.CLEANING_DO,
    command="beds.finish_cleaning",
    versioned=True,
    summary="It is clean",
)
async def finish(call: Call[None, None]) -> CleaningOut:
    """A bed that waited for it is available with this."""
    return await call.services.beds.finish_cleaning(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/cleaning/{id}/cancel",
    answer=CleaningOut,
    permission=Permission.CLEANING_DO,
    command="beds.cancel_cleaning",
    versioned=True,
    summary="Not needed after all",
)
async def cancel(call: Call[None, None]) -> CleaningOut:
    """Only where no bed waits for it."""
    return await call.services.beds.cancel_cleaning(call.principal, call.command, call.path_uuid("id"))
