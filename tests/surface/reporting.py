"""Requests about external servers that succeed."""

import uuid

from hms_rt.departments.reporting.schemas.webhooks import WebhookNew, WebhookOut
from hms_rt.kernel.principal import SYSTEM
from tests.conftest import command
from tests.surface.recipes import REASON, Ask, Recipe, at
from tests.surface.world import World

READ = {"streams": ["beds", "opd/clinic:GEN"], "purpose": "monthly figures"}


async def _new(world: World) -> Ask:
    return Ask(body={"name": world.fresh("Reports "), **READ})


async def _account(world: World) -> Ask:
    made = (await world.service_account()).account
    return Ask({"id": str(made.id)}, version=made.version)


async def _change(world: World) -> Ask:
    asked = await _account(world)
    return Ask(asked.path, body={"purpose": "weekly figures"}, version=asked.version)


async def _revoke_secret(world: World) -> Ask:
    made = await world.service_account()
    return Ask({"id": str(made.account.id)}, body={"secret_id": str(made.secret_id)})


URL = "https://reports.example.org/hms"


async def _webhook(world: World) -> WebhookOut:
    account = (await world.service_account()).account
    new = WebhookNew(account_id=account.id, url=URL)
    return (await world.services.reporting.create_webhook(SYSTEM, command(), new)).webhook


async def _new_webhook(world: World) -> Ask:
    account = (await world.service_account()).account
    return Ask(body={"account_id": str(account.id), "url": URL, "streams": ["beds"]})


async def _paused(world: World) -> Ask:
    made = await _webhook(world)
    await world.query("UPDATE reporting_webhook SET state = 'paused' WHERE id = :id RETURNING id", id=made.id)
    return Ask({"id": str(made.id)})


async def _dead_letter(world: World) -> Ask:
    made, letter = await _webhook(world), uuid.uuid4()
    await world.query(
        """UPDATE reporting_webhook SET state = 'dead', pending = jsonb_build_object(
           'id', id, 'kind', 'changes', 'to', cursor, 'at', created_at, 'reason', NULL)
           WHERE id = :id RETURNING id""",
        id=made.id,
    )
    await world.query(
        "INSERT INTO reporting_dead_letter (id, webhook_id, delivery_id, kind, attempts, error, failed_at)"
        " VALUES (:letter, :id, :id, 'changes', 20, 'answered 500', now()) RETURNING id",
        letter=letter,
        id=made.id,
    )
    return Ask({"id": str(letter)})


async def _discard(world: World) -> Ask:
    return Ask((await _dead_letter(world)).path, body=REASON)


RECIPES: dict[str, Recipe] = {
    "POST /service-accounts": _new,
    "GET /service-accounts/{id}": _account,
    "PATCH /service-accounts/{id}": _change,
    "POST /service-accounts/{id}/secrets": _account,
    "POST /service-accounts/{id}/revoke-secret": _revoke_secret,
    "POST /service-accounts/{id}/revoke": _account,
    "POST /webhooks": _new_webhook,
    "GET /webhooks/{id}": at(_webhook),
    "PATCH /webhooks/{id}": at(_webhook, {"causes": ["occupied"]}),
    "POST /webhooks/{id}/pause": at(_webhook),
    "POST /webhooks/{id}/resume": _paused,
    "POST /webhooks/{id}/remove": at(_webhook),
    "POST /webhooks/{id}/ping": at(_webhook),
    "POST /webhooks/{id}/secret": at(_webhook),
    "POST /webhook-dead-letters/{id}/retry": _dead_letter,
    "POST /webhook-dead-letters/{id}/discard": _discard,
}
"""Endpoint -> a request that somebody with every role at every place may make with success."""
