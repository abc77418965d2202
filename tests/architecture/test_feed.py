"""External servers get of a stream what one page says; here nobody adds a stream without saying it there."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

from channels import CHANNELS
from hms_rt.departments.reporting.views import NEVER, STREAMS
from hms_rt.services import Services


def test_every_stream_of_a_room_is_listed_or_kept_back_for_a_reason() -> None:
    services: Any = SimpleNamespace(**{name: MagicMock() for name in Services.__dataclass_fields__})
    kinds = {kind.streams.name for channel in CHANNELS for kind in channel.rooms(services)}
    assert kinds <= set(STREAMS) | set(NEVER), "say in reporting/views.py what of it goes to external servers"
    assert set(STREAMS) <= kinds
    assert not set(STREAMS) & set(NEVER)
