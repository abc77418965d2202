"""The commands and their help; each hands over to a module of its own."""

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from hms_rt import __version__
from hms_rt.cli import loop
from hms_rt.cli.change_log_command import change_log
from hms_rt.cli.import_command import import_command
from hms_rt.config import ConfigError, Settings, load
from hms_rt.replay.cli import replay_command

app = typer.Typer(
    help="hms-rt: a realtime hospital operations server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Look at the settings.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(change_log, name="change-log")

EVERYWHERE = "0.0.0.0"  # noqa: S104 - asked for with --lan, and refused without TLS or a listed proxy

console = Console()
complaints = Console(stderr=True)

Port = Annotated[int | None, typer.Option(help="TCP port; PORT in the environment, else 5000.")]
Lan = Annotated[bool, typer.Option("--lan", help="Listen on every address, not on 127.0.0.1 alone.")]


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        console.print(f"hms-rt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Settings come from the environment or a .env file; .env.example explains each."""


def settings_or_exit(**overrides: Any) -> Settings:
    """The settings; prints every problem and exits with 2 if they cannot be read."""
    try:
        return load(**overrides)
    except ConfigError as error:
        refuse(str(error).splitlines())


def refuse(problems: list[str]) -> NoReturn:
    """Print why the command cannot run, one reason a line, and exit with 2."""
    complaints.print("[bold red]hms-rt cannot start:[/]")
    for problem in problems:
        complaints.print(f"  • {problem}", highlight=False)
    raise typer.Exit(2)


@app.command()
def serve(
    port: Port = None,
    lan: Lan = False,
    embedded: Annotated[
        bool,
        typer.Option(help="Start a private server for each store without a URI (never for patients' data)."),
    ] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM file with the certificate chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file with its private key.")] = None,
    data: Annotated[Path, typer.Option(help="Folder of the embedded servers' data.")] = Path(".hms"),
    workers: Annotated[
        int | None, typer.Option(help="Server processes on the one port; WORKERS in the environment, else 1.")
    ] = None,
) -> None:
    """Serve a hospital. Refuses to start half-configured, and says what is missing.

    SIGTERM and Ctrl-C drain: screens are told when to come back, requests under way are answered. With
    several workers SIGHUP replaces them one by one without refusing anybody.
    """
    settings = settings_or_exit(
        host=EVERYWHERE if lan else None, port=port, tls_cert=tls_cert, tls_key=tls_key, workers=workers
    )
    if problems := settings.problems(embedded=embedded):
        refuse(problems)
    from hms_rt.cli import stores
    from hms_rt.logs import configure

    configure(settings.log_level)
    run = stores.supervise if settings.workers > 1 else stores.serve
    _run(lambda: run(settings, data if embedded else None))


@app.command()
def demo(
    port: Port = None,
    lan: Lan = False,
    reset: Annotated[bool, typer.Option("--reset", help="Delete the demo's data and start over.")] = False,
    data: Annotated[Path, typer.Option(help="Folder for the demo's data and logs.")] = Path(".hms"),
    speed: Annotated[float, typer.Option(help="Speed-up of the simulated day.", min=1)] = 90.0,
    quiet: Annotated[
        bool, typer.Option("--no-day", help="Serve the hospital, but simulate nothing.")
    ] = False,
) -> None:
    """A working hospital on this machine: servers, data, screens and a simulated day."""
    from hms_rt.cli import demo as command

    options = command.DemoOptions(
        folder=data,
        host=EVERYWHERE if lan else "127.0.0.1",
        port=port if port is not None else settings_or_exit().port,
        reset=reset,
        speed=speed,
        day=not quiet,
    )
    _run(lambda: command.demo(options, console))


@app.command()
def migrate() -> None:
    """Bring the database of POSTGRES_URI to this version's schema."""
    settings = settings_or_exit()
    uri = settings.postgres_uri
    if uri is None:
        refuse(["POSTGRES_URI is unset: name the database to migrate"])
    from hms_rt.cli import databases

    async def main() -> None:
        with console.status("migrating"):
            changed = await databases.migrate(str(uri))
        console.print("migrated" if changed else "the schema is current")

    _run(main)


@app.command("create-admin")
def create_admin(
    username: Annotated[str, typer.Argument(help="Sign-in name of the first administrator.")],
    name: Annotated[str, typer.Option(help="Name that others see.")] = "Administrator",
) -> None:
    """Make an administrator; the password is asked for, or read from a pipe."""
    settings = settings_or_exit()
    if problems := settings.problems():
        refuse(problems)
    password = (
        typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        if sys.stdin.isatty()
        else sys.stdin.readline().rstrip("\n")
    )
    from hms_rt.cli import accounts

    _run(lambda: accounts.create_admin(settings, username, name, password, console))


app.command("replay")(replay_command)
app.command("import")(import_command)


@app.command()
def top(
    once: Annotated[bool, typer.Option("--once", help="Print one table and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and end.")] = False,
    data: Annotated[
        Path, typer.Option(help="Without REDIS_URL: data folder of a demo, or of `serve --embedded`.")
    ] = Path(".hms"),
    seconds: Annotated[float, typer.Option(help="Time between two looks.", min=0.2, max=60)] = 1.0,
) -> None:
    """Watch a running installation: processes, rooms, audiences, slow clients. Ctrl-C ends it.

    With --once and --json the exit code is 1 if no process reports, 2 if Redis does not answer.
    """
    settings = settings_or_exit()
    from hms_rt.cli import top as command

    url = settings.redis_url or command.embedded_redis(data)
    if url is None:
        refuse(["REDIS_URL is unset: name the Redis that the servers use (a demo's is found with --data)"])
    if once or as_json:
        _run(lambda: command.once(url, console, complaints, as_json=as_json))
    else:
        _run(lambda: command.watch(url, console, seconds))


@app.command()
def downtime(
    folder: Annotated[Path, typer.Argument(help="Where the PDFs go; made for its owner alone.")],
    url: Annotated[str, typer.Option(help="The hospital, such as https://hospital.example.")],
    username: Annotated[str, typer.Option(help="A doctor's or nurse's account assigned to the wards.")],
    minutes: Annotated[float, typer.Option(help="Time between two rounds.", min=0.1)] = 10.0,
    keep: Annotated[int, typer.Option(help="Earlier ones kept of each sheet.", min=0)] = 12,
    insecure: Annotated[bool, typer.Option(help="Do not check the server's certificate.")] = False,
    once: Annotated[
        bool, typer.Option("--once", help="One round; exit code 1 if a sheet is missing.")
    ] = False,
) -> None:
    """Paper for when the server is down: every ward's census as PDF, on another machine, again and again.

    The password is read from HMS_PASSWORD. What cannot be fetched stays as it was, with its time on it.
    """
    import os

    password = os.environ.get("HMS_PASSWORD", "")
    if not password:
        refuse(["HMS_PASSWORD is unset: the password of the account that fetches the sheets"])
    from hms_rt.cli import downtime as command

    options = command.DowntimeOptions(
        url=url,
        username=username,
        password=password,
        folder=folder,
        minutes=minutes,
        keep=keep,
        insecure=insecure,
    )
    fetched: list[bool] = []

    async def main() -> None:
        fetched.append(await command.run(options, console.print, once=once))

    _run(main)
    if not all(fetched):
        raise typer.Exit(1)


@config_app.command("check")
def config_check(
    embedded: Annotated[bool, typer.Option(help="As for `serve --embedded`.")] = False,
    connect: Annotated[bool, typer.Option(help="Also ask each store for an answer.")] = True,
) -> None:
    """Say whether `serve` would start with these settings, and if not, why."""
    settings = settings_or_exit()
    if problems := settings.problems(embedded=embedded):
        refuse(problems)
    from hms_rt.cli import accounts
    from hms_rt.paper.fonts import lacking

    if lack := lacking(settings.facility_language):
        complaints.print(lack)
    if connect:
        _run(lambda: accounts.check_stores(settings, console))
    console.print("[green]the settings are complete[/]")


def _run(main: Any) -> None:
    """Run a coroutine; what the user can mend is told without a stack."""
    from hms_rt.cli.supervisor import GaveUp
    from hms_rt.kernel.errors import HmsError
    from hms_rt.storage.embedded import EmbeddedError

    try:
        loop.run(main)
    except GaveUp as error:
        complaints.print(f"[bold red]hms-rt gives up, its workers keep ending:[/] {error}")
        raise typer.Exit(1) from None
    except ConfigError as error:
        refuse(str(error).splitlines())
    except (EmbeddedError, HmsError) as error:
        refuse([str(error)])
    except OSError as error:
        refuse([f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")])
