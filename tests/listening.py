"""A listening hospital as ``serve`` makes it: with the doorstep in front where the fast path is on."""

from typing import Any

from aiohttp.test_utils import TestServer
from aiohttp.web_runner import BaseRunner

from hms_rt.app import Hospital
from hms_rt.cli.runner import Runner


class HospitalServer(TestServer):
    """aiohttp's test server on the runner of ``serve``."""

    __test__ = False

    def __init__(self, hospital: Hospital, **told: Any) -> None:
        super().__init__(hospital.web, **told)
        self._hospital = hospital

    async def _make_runner(self, **told: Any) -> BaseRunner:
        return Runner(self._hospital, **told)
