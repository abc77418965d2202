"""The whole surface on one page: ``surface.txt``. Whoever changes it says so by changing that file.

Remake it with ``python -m tests.architecture.test_surface``.
"""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from openapi_spec_validator import OpenAPIV31SpecValidator

from channels import CHANNELS
from handlers import ROUTES
from hms_rt.realtime.rooms import RoomKind
from hms_rt.security.grants import GRANTS, Permission
from hms_rt.web.openapi import openapi
from hms_rt.web.server import endpoints
from hms_rt.web.settings import WebSettings

SURFACE = Path(__file__).with_name("surface.txt")

PUBLIC = {
    "POST /auth/login",
    "POST /auth/refresh",
    "POST /auth/logout",
}
"""Endpoints that nobody needs to be signed in for."""

OF_EVERYBODY = {
    "GET /auth/me",
    "POST /auth/password",
}
"""Endpoints that ask for a principal and no permission: they concern the caller alone."""

RESERVED = {
    Permission.SCREEN_OWN,
    Permission.PATIENT_READ,
    Permission.APPOINTMENT_OVERBOOK,
    Permission.RECORD_BREAK_GLASS,
    Permission.RECORD_READ_MEDICATION,
    Permission.RECORD_WRITE_DIAGNOSIS,
    Permission.RECORD_WRITE_VITALS,
    Permission.DISPENSARY_READ,
}
"""Permissions that no declaration names: checked inside a service beside the declared one."""


def _services() -> Any:
    """Doors only keep references to services while they declare what they have."""
    return SimpleNamespace(**{name: MagicMock() for name in _names()})


def _names() -> list[str]:
    from hms_rt.services import Services

    return list(Services.__dataclass_fields__)


def lines() -> list[str]:
    """Every endpoint, room and command with the permission that it needs."""
    found = []
    for endpoint in endpoints(ROUTES):
        needs = "public" if endpoint.public else endpoint.permission or "signed in"
        found.append(f"{endpoint.method:6} /api/v1{endpoint.path:45} {needs}")
    services = _services()
    for channel in CHANNELS:
        rooms: list[RoomKind] = channel.rooms(services)
        for room in rooms:
            name = f"{room.name}:<code>" if room.takes_argument else room.name
            found.append(f"ROOM   {room.namespace} {name:30} {', '.join(sorted(room.views))}")
        for name, command in channel.commands(services).items():
            found.append(f"SOCKET {channel.NAMESPACE} {name:30} {command.permission}")
    return sorted(line.rstrip() for line in found)


def test_the_surface_is_the_one_that_was_agreed() -> None:
    assert "\n".join(lines()) + "\n" == SURFACE.read_text(), "look at the difference, then remake surface.txt"


def test_every_endpoint_asks_for_a_permission_or_is_listed_as_public() -> None:
    for endpoint in endpoints(ROUTES):
        place = f"{endpoint.method} {endpoint.path}"
        assert endpoint.public == (place in PUBLIC), place
        if not endpoint.public and place not in OF_EVERYBODY:
            assert endpoint.permission is not None, f"{place} names no permission"


def test_every_permission_is_used_and_every_used_one_is_granted() -> None:
    used = {endpoint.permission for endpoint in endpoints(ROUTES) if endpoint.permission is not None}
    services = _services()
    for channel in CHANNELS:
        used |= {command.permission for command in channel.commands(services).values()}
    assert set(Permission) - used - RESERVED == set()
    assert used <= set(GRANTS)


def test_the_rest_document_is_valid_and_every_reference_leads_somewhere() -> None:
    document = openapi(ROUTES, WebSettings())
    OpenAPIV31SpecValidator(document).validate()
    for reference in set(re.findall(r"'#/components/(\w+)/([^']+)'", str(document))):
        assert reference[1] in document["components"][reference[0]], reference


if __name__ == "__main__":
    SURFACE.write_text("\n".join(lines()) + "\n")
