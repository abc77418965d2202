"""``hms-rt downtime``: every sheet in a folder of another machine, and what happens when the server goes."""

import os
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from hms_rt.cli import downtime
from hms_rt.cli.downtime import DowntimeOptions, SignInRefusedError
from hms_rt.departments.opd.schemas.queue import ClinicIn
from hms_rt.kernel.principal import SYSTEM, Role
from hms_rt.services import Services
from tests.conftest import PASSWORD, PersonFactory, WardFactory, command


async def test_sheets_of_ones_own_wards_are_kept_whole_private_and_through_an_outage(
    server: TestServer, services: Services, ward: WardFactory, person: PersonFactory, tmp_path: Path
) -> None:
    for code in ("ICU", "MED"):
        await ward(code, beds=2)
    for code in ("EYE", "GEN"):
        await services.opd.define_clinic(SYSTEM, command(), ClinicIn(code=code, name=code))
    await person(Role.NURSE, username="paper", ward="ICU", clinic="GEN")
    folder = tmp_path / "sheets"
    said: list[str] = []
    options = DowntimeOptions(str(server.make_url("")), "paper", PASSWORD, folder, 10, keep=2)

    assert await downtime.run(options, said.append, once=True)
    sheet = folder / "census-ICU.pdf"
    assert sorted(path.name for path in folder.iterdir()) == ["census-ICU.pdf", "earlier", "queue-GEN.pdf"]
    for each in (sheet, folder / "queue-GEN.pdf"):
        assert each.read_bytes().startswith(b"%PDF-")
    assert (sheet.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o600, 0o700)

    for hour in range(3, 7):
        os.utime(sheet, (hour * 3600, hour * 3600))
        assert await downtime.run(options, said.append, once=True)
    assert len(list((folder / "earlier").glob("census-*"))) == 2

    before = sheet.read_bytes()
    await server.close()
    assert not await downtime.run(options, said.append, once=True)
    assert "does not answer" in said[-1]
    assert sheet.read_bytes() == before


async def test_an_account_that_may_read_nothing_is_told(
    server: TestServer, ward: WardFactory, person: PersonFactory, tmp_path: Path
) -> None:
    await ward("ICU", beds=1)
    await person(Role.LAB, username="lena")
    options = DowntimeOptions(str(server.make_url("")), "lena", PASSWORD, tmp_path, 10, keep=2)
    said: list[str] = []
    assert not await downtime.run(options, said.append, once=True)
    assert "assign wards or clinics" in said[-1]
    stranger = DowntimeOptions(str(server.make_url("")), "lena", "wrong", tmp_path, 10, keep=2)
    with pytest.raises(SignInRefusedError):
        await downtime.fetch(stranger)
