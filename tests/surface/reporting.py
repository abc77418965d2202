"""Requests about external servers that succeed."""

from tests.surface.recipes import Ask, Recipe
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


RECIPES: dict[str, Recipe] = {
    "POST /service-accounts": _new,
    "GET /service-accounts/{id}": _account,
    "PATCH /service-accounts/{id}": _change,
    "POST /service-accounts/{id}/secrets": _account,
    "POST /service-accounts/{id}/revoke-secret": _revoke_secret,
    "POST /service-accounts/{id}/revoke": _account,
}
"""Endpoint -> a request that somebody with every role at every place may make with success."""
