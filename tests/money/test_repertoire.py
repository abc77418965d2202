"""The sequences know every command of pharmacy and billing: a new route that changes something fails here."""

import inspect
import re

from handlers import ROUTES
from tests.money import (
    later_rules,
    money_rules,
    payer_rules,
    sale_rules,
    setting_rules,
    stock_rules,
    ward_rules,
)
from tests.money.doors import DEPARTMENTS

RULES = (stock_rules, money_rules, ward_rules, setting_rules, later_rules, payer_rules, sale_rules)
LEFT_OUT: dict[str, str] = {}
"""Command -> why no sequence gives it."""
_CALLED = re.compile(rf"\bservices\.({'|'.join(DEPARTMENTS)})\.(\w+)")
_GIVEN = re.compile(rf"\bself\.({'|'.join(DEPARTMENTS)})\.(\w+)")


def commands() -> dict[str, str]:
    """What routes that change something ask of the two departments -> the route."""
    found = {}
    for endpoint in (one for each in ROUTES for one in each.endpoints if not one.safe):
        for department, method in _CALLED.findall(inspect.getsource(endpoint.handler)):
            found[f"{department}.{method}"] = f"{endpoint.method} {endpoint.path}"
    return found


def test_every_command_of_pharmacy_and_billing_is_among_those_of_the_sequences() -> None:
    given = {".".join(found) for each in RULES for found in _GIVEN.findall(inspect.getsource(each))}
    declared = commands()
    assert len(declared) >= 61, "routes of pharmacy and billing were not found"
    missing = {name: route for name, route in declared.items() if name not in given | set(LEFT_OUT)}
    assert not missing, f"give them a rule in tests/money, with what the books know afterwards: {missing}"
    assert not given & set(LEFT_OUT), "given after all"
    named = {one.command for each in ROUTES for one in each.endpoints if not one.safe}
    assert set(declared) <= named, "a route's command is not called as the service's method"
