"""Every namespace's commands and rooms, and for every command a payload that succeeds."""

from collections.abc import Mapping
from typing import Any, cast

from channels import CHANNELS
from hms_rt.realtime.wire import SocketCommand
from hms_rt.services import Services
from tests.surface.asks import ENDPOINTS, Ask, label
from tests.surface.asks import ask as rest_ask
from tests.surface.samples import likely
from tests.surface.things import WARD
from tests.surface.world import World


class _Anything:
    """Stands for the services while commands and rooms are only listed."""

    def __getattr__(self, name: str) -> "_Anything":
        return self


_NO_SERVICES = cast("Services", _Anything())


def _declared() -> dict[tuple[str, str], SocketCommand]:
    return {
        (channel.NAMESPACE, name): command
        for channel in CHANNELS
        for name, command in channel.commands(_NO_SERVICES).items()
    }


DECLARED: Mapping[tuple[str, str], SocketCommand] = _declared()
SOCKET_COMMANDS = sorted(DECLARED)
COMMAND_IDS = [" ".join(command) for command in SOCKET_COMMANDS]
ROOM_KINDS = [kind for channel in CHANNELS for kind in channel.rooms(_NO_SERVICES)]

_TARGETS = {
    "id": (
        "admission_id",
        "bed_id",
        "token_id",
        "order_id",
        "specimen_id",
        "test_id",
        "alert_id",
        "cleaning_id",
        "prescription_id",
        "dispense_id",
        "payment_id",
        "shift_id",
        "appointment_id",
        "dose_id",
        "line_id",
        "visit_id",
        "notification_id",
    ),
    "code": ("clinic", "counter", "store"),
}
"""What the path's parameter of the same command over REST is called in a payload."""

_BY_COMMAND = {endpoint.command: endpoint for endpoint in ENDPOINTS if not endpoint.safe}
TWINS = {
    label(_BY_COMMAND[command.name]): (namespace, name)
    for (namespace, name), command in DECLARED.items()
    if command.name in _BY_COMMAND
}
"""Endpoint -> the socket command that is the same."""


async def payload(world: World, namespace: str, name: str) -> dict[str, Any]:
    """What ``name`` takes, but for its ``id``: the same as its twin over REST, which has the same name."""
    command = DECLARED[namespace, name]
    twin = _BY_COMMAND.get(command.name)
    if twin is None:
        return likely(command.schema, str((await world.patient()).id), WARD)
    return as_payload(command, await rest_ask(world, twin))


def as_payload(command: SocketCommand, asked: Ask) -> dict[str, Any]:
    """What a request says, as the payload of the same command by socket."""
    said = dict(asked.body or {})
    for parameter, value in asked.path.items():
        field = next(field for field in _TARGETS[parameter] if field in command.schema.model_fields)
        said[field] = value
    if asked.version is not None:
        said["expected_version"] = asked.version
    return said
