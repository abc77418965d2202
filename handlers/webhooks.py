"""REST of webhooks: where changes are sent, for administrators."""

from hms_rt.departments.reporting.model.webhook import WebhookMove
from hms_rt.departments.reporting.schemas.webhooks import (
    DiscardIn,
    LetterOut,
    LetterQuery,
    WebhookNew,
    WebhookOut,
    WebhookQuery,
    WebhookSecret,
    WebhookUpdate,
)
from hms_rt.kernel.paging import Page
from hms_rt.security.permissions import Permission
from hms_rt.web.endpoints import Call, Routes

routes = Routes("webhooks", "Changes that are sent to external servers, signed")
NEEDS = Permission.SERVICE_ACCOUNTS


@routes.get(
    "/webhooks", query=WebhookQuery, answer=Page[WebhookOut], permission=NEEDS, summary="List webhooks"
)
async def list_webhooks(call: Call[None, WebhookQuery]) -> Page[WebhookOut]:
    """Oldest first, with how each fares."""
    return await call.services.reporting.list_webhooks(call.principal, call.query)


@routes.post(
    "/webhooks",
    body=WebhookNew,
    answer=WebhookSecret,
    permission=NEEDS,
    status=201,
    summary="Send changes to an external server",
)
async def create_webhook(call: Call[WebhookNew, None]) -> WebhookSecret:
    """From this moment on, in order within each stream, each at least once. Answers the key of the
    signatures, which is shown this once; they are those of the Standard Webhooks specification."""
    return await call.services.reporting.create_webhook(call.principal, call.command, call.body)


@routes.get("/webhooks/{id}", answer=WebhookOut, permission=NEEDS, versioned=True, summary="One webhook")
async def get_webhook(call: Call[None, None]) -> WebhookOut:
    """How far it is behind, and what its receiver said last."""
    return await call.services.reporting.get_webhook(call.principal, call.path_uuid("id"))


@routes.patch(
    "/webhooks/{id}",
    body=WebhookUpdate,
    answer=WebhookOut,
    permission=NEEDS,
    versioned=True,
    summary="Change where to, or what",
)
async def change_webhook(call: Call[WebhookUpdate, None]) -> WebhookOut:
    """Counts from the next attempt on."""
    return await call.services.reporting.change_webhook(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


@routes.post("/webhooks/{id}/pause", answer=WebhookOut, permission=NEEDS, summary="Send nothing for now")
async def pause_webhook(call: Call[None, None]) -> WebhookOut:
    """Its place in the feed waits, as long as the feed is kept."""
    return await _move(call, WebhookMove.PAUSE)


@routes.post("/webhooks/{id}/resume", answer=WebhookOut, permission=NEEDS, summary="Go on sending")
async def resume_webhook(call: Call[None, None]) -> WebhookOut:
    """From where it was paused."""
    return await _move(call, WebhookMove.RESUME)


@routes.post("/webhooks/{id}/remove", answer=WebhookOut, permission=NEEDS, summary="Send nothing ever again")
async def remove_webhook(call: Call[None, None]) -> WebhookOut:
    """For good; what it could not deliver is discarded."""
    return await _move(call, WebhookMove.REMOVE)


@routes.post("/webhooks/{id}/ping", answer=WebhookOut, permission=NEEDS, summary="Send a test message")
async def ping_webhook(call: Call[None, None]) -> WebhookOut:
    """Sent within a second, once: see `last_status` and `last_error` then."""
    return await call.services.reporting.ping_webhook(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/webhooks/{id}/secret", answer=WebhookSecret, permission=NEEDS, summary="A new key of the signatures"
)
async def renew_webhook_secret(call: Call[None, None]) -> WebhookSecret:
    """For a day messages carry two signatures, with the key before and with this one."""
    return await call.services.reporting.renew_webhook_secret(
        call.principal, call.command, call.path_uuid("id")
    )


@routes.get(
    "/webhook-dead-letters",
    query=LetterQuery,
    answer=Page[LetterOut],
    permission=NEEDS,
    summary="Messages that no receiver took",
)
async def list_dead_letters(call: Call[None, LetterQuery]) -> Page[LetterOut]:
    """Newest first. The webhook of each stands still until somebody decides."""
    return await call.services.reporting.list_dead_letters(call.principal, call.query)


@routes.post(
    "/webhook-dead-letters/{id}/retry", answer=LetterOut, permission=NEEDS, summary="Try to deliver it again"
)
async def retry_dead_letter(call: Call[None, None]) -> LetterOut:
    """At once, and then all that came after it."""
    return await call.services.reporting.retry_dead_letter(call.principal, call.command, call.path_uuid("id"))


@routes.post(
    "/webhook-dead-letters/{id}/discard",
    body=DiscardIn,
    answer=LetterOut,
    permission=NEEDS,
    summary="Pass it over",
)
async def discard_dead_letter(call: Call[DiscardIn, None]) -> LetterOut:
    """The receiver never gets it; all that came after it follows."""
    return await call.services.reporting.discard_dead_letter(
        call.principal, call.command, call.path_uuid("id"), call.body
    )


async def _move(call: Call[None, None], move: WebhookMove) -> WebhookOut:
    return await call.services.reporting.move_webhook(
        call.principal, call.command, call.path_uuid("id"), move
    )
