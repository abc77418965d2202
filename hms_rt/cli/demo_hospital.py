"""The demo's hospital: made on started stores, furnished, shown, and kept busy until it is told to stop."""

import asyncio
import json
import secrets
import time
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.status import Status
from rich.table import Table

from hms_rt.app import Hospital, Stores
from hms_rt.cli import serving
from hms_rt.cli.databases import migrate
from hms_rt.cli.demo import DemoOptions
from hms_rt.config import Settings
from hms_rt.demo.cast import DESKS, PASSWORD
from hms_rt.demo.day import run_day
from hms_rt.demo.seed import Seeded, seed
from hms_rt.demo.trade import run_trade
from hms_rt.departments.identity.schemas import UserNew
from hms_rt.kernel.commands import Command
from hms_rt.kernel.errors import Code, HmsError
from hms_rt.kernel.principal import Role
from hms_rt.logs import configure
from hms_rt.storage.embedded import EmbeddedUris


async def open_demo(
    options: DemoOptions,
    uris: EmbeddedUris,
    console: Console,
    status: Status,
    stop: asyncio.Event,
    began: float,
) -> None:
    """Serve until ``stop``; ``began`` is when the command started, by the monotonic clock."""
    configure("WARNING", options.folder / "server.log")
    settings = _settings(options)
    await migrate(uris.postgres_uri)
    hospital = Hospital(settings, Stores(uris.postgres_uri, uris.mongo_uri, uris.redis_url))
    status.update("starting the server")
    async with serving.listening(hospital, settings) as port:
        status.update("furnishing the hospital")
        await _first_admin(hospital)
        url = f"http://127.0.0.1:{port}"
        seeded = await seed(url, PASSWORD)
        status.stop()
        _welcome(console, options, url, seeded, time.monotonic() - began)
        lively = (run_day, run_trade) if options.day else ()
        playing = [asyncio.create_task(each(url, seeded, options.speed)) for each in lively]
        await stop.wait()
        console.print("\nstopping …")
        for each in playing:
            each.cancel()
        await asyncio.gather(*playing, return_exceptions=True)


def _settings(options: DemoOptions) -> Settings:
    """Settings of the demo alone: environment and .env are not read, secrets are made once and kept."""
    kept = options.folder / "secrets.json"
    if not kept.exists():
        made = {name: secrets.token_hex(32) for name in ("jwt_secret", "password_pepper")}
        kept.touch(mode=0o600)
        kept.write_text(json.dumps(made), encoding="utf-8")
    return Settings(
        _env_file=None,
        **json.loads(kept.read_text(encoding="utf-8")),
        host=options.host,
        port=options.port,
        postgres_uri=None,
        mongo_uri=None,
        redis_url=None,
        facility_timezone=_zone(),
        trusted_proxies=(),
        drain_seconds=0,
        password_cost=10,
    )


def _zone() -> str:
    """This machine's time zone, so that clocks on the screens agree with the wall."""
    with suppress(OSError):
        _, _, name = str(Path("/etc/localtime").resolve()).partition("/zoneinfo/")
        if name:
            return name
    return "UTC"


async def _first_admin(hospital: Hospital) -> None:
    new = UserNew.model_validate(
        {
            "username": "admin",
            "display_name": "Ada Admin",
            "password": PASSWORD,
            "roles": [Role.ADMIN.value],
        }
    )
    try:
        await hospital.services.identity.create_admin(
            Command(name="identity.create_admin", request_id="demo"), new
        )
    except HmsError as error:
        if error.code is not Code.CONFLICT:
            raise


def _welcome(console: Console, options: DemoOptions, url: str, seeded: Seeded, seconds: float) -> None:
    console.print(f"\n[bold green]The hospital is open[/] after {seconds:.1f} s: [bold]{url}/screens/[/]\n")
    console.print("Screens: open a link once, in the browser that is to be that screen.")
    for screen in seeded.screens:
        link = url + screen.link if screen.link else f"{url}{screen.path} (set up in some browser already)"
        console.print(f"  {screen.name:<32} {link}", soft_wrap=True, highlight=False)
    console.print("Boards, with names for those who sign in as doctor or nurse:")
    for screen in seeded.screens:
        console.print(f"  {screen.name:<32} {url}{screen.path}", soft_wrap=True, highlight=False)
    console.print("Pages to work with, for the account named:")
    for account, name, path in DESKS:
        console.print(f"  {account + ': ' + name:<32} {url}{path}", soft_wrap=True, highlight=False)
    accounts = Table("Role", "Account", box=None, padding=(0, 2))
    for employee in seeded.employees:
        accounts.add_row(employee.role, employee.username)
    console.print()
    console.print(accounts)
    console.print(f"\nEvery account's password is [bold]{PASSWORD}[/]. API: {url}/docs")
    console.print(f"Data and logs: {options.folder}/ (start over with --reset). Stop with Ctrl-C.")
    if options.host != "127.0.0.1":
        console.print(
            "[yellow]This demo listens on every address with a known password: not for patients.[/]"
        )
