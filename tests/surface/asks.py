"""Requests to every declared endpoint: one that succeeds, or, for a new endpoint, one that is likely to.

``test_idempotency`` fails by name for a command that has no recipe.
"""

import re

from handlers import ROUTES
from hms_rt.web.endpoints import Endpoint
from hms_rt.web.server import endpoints
from tests.surface.counter_sales import RECIPES as RECIPES_OF_SALES
from tests.surface.inpatients import RECIPES as RECIPES_OF_INPATIENTS
from tests.surface.medicines import RECIPES as RECIPES_OF_MEDICINES
from tests.surface.money import RECIPES as RECIPES_OF_BILLING
from tests.surface.on_call import RECIPES_ON_CALL
from tests.surface.outpatients import RECIPES as RECIPES_OF_OUTPATIENTS
from tests.surface.recipes import RECIPES as RECIPES_OF_CARE
from tests.surface.recipes import Ask, today
from tests.surface.reporting import RECIPES as RECIPES_OF_REPORTING
from tests.surface.samples import likely
from tests.surface.things import WARD
from tests.surface.world import World

ENDPOINTS = endpoints(ROUTES)
RECIPES = {
    **RECIPES_OF_CARE,
    **RECIPES_OF_INPATIENTS,
    **RECIPES_ON_CALL,
    **RECIPES_OF_OUTPATIENTS,
    **RECIPES_OF_BILLING,
    **RECIPES_OF_MEDICINES,
    **RECIPES_OF_SALES,
    **RECIPES_OF_REPORTING,
}
PARAMETER = re.compile(r"\{([a-z_]+)\}")

__all__ = ["ENDPOINTS", "PARAMETER", "RECIPES", "Ask", "ask", "label"]


def label(endpoint: Endpoint) -> str:
    """How an endpoint is called in the tables of these tests."""
    return f"{endpoint.method} {endpoint.path}"


async def ask(world: World, endpoint: Endpoint) -> Ask:
    """A request to ``endpoint`` that succeeds, or one that is likely to."""
    recipe = RECIPES.get(label(endpoint))
    return await recipe(world) if recipe is not None else await _likely(world, endpoint)


async def _likely(world: World, endpoint: Endpoint) -> Ask:
    """From the schemas alone: every identifier is a patient's, every code a ward's."""
    patient = await world.patient()
    values = {
        "uuid": str(patient.id),
        "code": WARD,
        "date": today(),
        "int": "1",
        "text": "X",
    }
    return Ask(
        path={parameter.name: values[parameter.kind] for parameter in endpoint.parameters},
        body=likely(endpoint.body, str(patient.id), WARD) if endpoint.body is not None else None,
        version=patient.version,
    )
