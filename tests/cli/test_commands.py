"""The command line as an operator uses it: what is missing is named, and what is there is done."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from hms_rt.app import Stores
from tests.conftest import SECRET, admin_connection

BARE = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
ROOT = str(Path(__file__).parents[2])
PATIENCE_S = 120
"""For a command: it takes two seconds on a machine with nothing else to do."""


async def hms(folder: Path, *arguments: str, typed: str = "", **environment: str) -> tuple[int, str]:
    """Exit code and everything that the command printed, run in an empty folder without a .env."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hms_rt",
        *arguments,
        cwd=folder,
        env={**BARE, "PYTHONPATH": ROOT, "COLUMNS": "200", **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            printed, _ = await process.communicate(typed.encode())
    finally:
        if process.returncode is None:  # a server that should have refused to start
            process.kill()
            await process.wait()
    return process.returncode or 0, printed.decode()


def configured(stores: Stores) -> dict[str, str]:
    return {
        "POSTGRES_URI": stores.postgres_uri.replace("+asyncpg", ""),
        "MONGO_URI": stores.mongo_uri,
        "REDIS_URL": stores.redis_url,
        "JWT_SECRET": SECRET,
        "PASSWORD_PEPPER": SECRET[::-1],
        "PASSWORD_COST": "4",
    }


@pytest.mark.parametrize("command", [("serve",), ("config", "check"), ("create-admin", "ada")])
async def test_a_half_configured_server_refuses_and_names_everything_that_is_missing(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    code, said = await hms(tmp_path, *command)
    assert code == 2
    for name in ("POSTGRES_URI", "MONGO_URI", "REDIS_URL", "JWT_SECRET", "PASSWORD_PEPPER"):
        assert f"{name} is unset" in said
    assert "Traceback" not in said


async def test_unsafe_settings_are_refused(tmp_path: Path, stores: Stores) -> None:
    good = configured(stores)
    for wrong, complaint in (
        ({"JWT_SECRET": "short"}, "shorter than 32 bytes"),
        ({"PASSWORD_PEPPER": SECRET}, "must differ"),
        ({"HOST": "0.0.0.0"}, "without TLS"),
        ({"TLS_CERT": "/nowhere.pem"}, "set both or none"),
        ({"FACILITY_TIMEZONE": "Mars/Olympus"}, "FACILITY_TIMEZONE"),
        ({"POSTGRES_URI": "mysql://x"}, "postgresql://"),
    ):
        code, said = await hms(tmp_path, "config", "check", **{**good, **wrong})
        assert code == 2, wrong
        assert complaint in said, wrong


async def test_migrate_then_create_admin_then_import(tmp_path: Path, stores: Stores) -> None:
    environment = configured(stores)
    assert await hms(tmp_path, "migrate", **environment) == (0, "the schema is current\n")
    code, said = await hms(tmp_path, "config", "check", **environment)
    assert code == 0, said

    code, said = await hms(tmp_path, "create-admin", "ada", typed="correct horse battery\n", **environment)
    assert (code, "ada" in said) == (0, True), said
    code, said = await hms(tmp_path, "create-admin", "ada", typed="correct horse battery\n", **environment)
    assert code == 2
    assert "Traceback" not in said

    (tmp_path / "beds.csv").write_text("ward,ward_name,room,bed\nICU,Intensive care,1,01\n!,x,1,02\n")
    code, said = await hms(tmp_path, "import", "beds", "beds.csv", **environment)
    assert code == 1
    assert "line 3" in said
    assert "1 created" in said


async def test_a_database_that_was_never_migrated_is_named_and_then_migrated(
    tmp_path: Path, stores: Stores
) -> None:
    admin = await admin_connection(stores.postgres_uri)
    name = f"{stores.mongo_database}_empty"
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        empty = make_url(configured(stores)["POSTGRES_URI"]).set(database=name)
        environment = {
            **configured(stores),
            "POSTGRES_URI": empty.render_as_string(hide_password=False),
        }
        code, said = await hms(tmp_path, "serve", "--port", "0", **environment)
        assert code == 2
        assert "hms-rt migrate" in said
        assert await hms(tmp_path, "migrate", **environment) == (0, "migrated\n")
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()
