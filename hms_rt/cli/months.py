"""What ``hms-rt change-log`` does, through the same service as the server; audited as its own act."""

import hashlib
import os
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from hms_rt.app import Hospital
from hms_rt.cli import databases, stores
from hms_rt.config import Settings
from hms_rt.kernel.commands import Command
from hms_rt.kernel.principal import SYSTEM
from hms_rt.storage import months, postgres

MIB = 1024 * 1024


async def on(settings: Settings, work: Callable[[Hospital], Awaitable[None]]) -> None:
    """``work`` with a hospital that is not started."""
    await databases.require_current(str(settings.postgres_uri))
    hospital = Hospital(settings, stores.named(settings))
    try:
        await work(hospital)
    finally:
        await hospital.close()


async def show(hospital: Hospital, console: Console) -> None:
    """A table of the months, and the size of the audit trail."""
    async with postgres.statements(hospital.engine) as connection:
        found, trail = await months.months(connection), await months.trail(connection)
    table = Table("month", "state", box=SIMPLE_HEAD)
    table.add_column("rows, about", justify="right")
    table.add_column("MiB", justify="right")
    for one in found:
        state = "in the log" if one.attached else "detached"
        table.add_row(one.name, state, f"{one.rows:,}", f"{one.bytes / MIB:,.1f}")
    table.add_row("audit_log", "kept for ever", f"{trail.rows:,}", f"{trail.bytes / MIB:,.1f}")
    console.print(table)
    keep = hospital.settings.change_log_keep_months
    console.print(f"CHANGE_LOG_KEEP_MONTHS={keep}" + (": nothing is detached by itself" if not keep else ""))


async def detach(hospital: Hospital, name: str, console: Console) -> None:
    """Take a month out of the log."""
    await hospital.services.reporting.detach_month(SYSTEM, _command("detach"), name)
    console.print(f"{name} is detached; `hms-rt change-log attach {name}` puts it back")


async def attach(hospital: Hospital, name: str, console: Console) -> None:
    """Put a month back."""
    with console.status(f"{name}: PostgreSQL reads its rows"):
        await hospital.services.reporting.attach_month(SYSTEM, _command("attach"), name)
    console.print(f"{name} is part of the log again")


async def drop(hospital: Hospital, name: str, console: Console) -> None:
    """Delete a detached month."""
    await hospital.services.reporting.drop_month(SYSTEM, _command("drop"), name)
    console.print(f"{name} is gone")


async def export(hospital: Hospital, name: str, file: Path, console: Console) -> None:
    """Write a month to ``file``, which appears when it is complete."""
    async with postgres.statements(hospital.engine) as connection:
        month = await months.month(connection, name)
    digest, rows = hashlib.sha256(), 0
    part = file.with_name(file.name + ".part")
    with Progress(console=console, transient=True) as progress, part.open("wb") as out:
        task = progress.add_task(name, total=month.rows or None)
        async with hospital.engine.connect() as connection:
            async for portion in months.lines(connection, name):
                written = b"".join(portion)
                digest.update(written)
                out.write(written)
                rows += len(portion)
                progress.update(task, completed=rows)
        out.flush()
        os.fsync(out.fileno())
    part.rename(file)
    told = digest.hexdigest()
    file.with_name(file.name + ".sha256").write_text(f"{told}  {file.name}\n")
    await hospital.services.reporting.exported_month(SYSTEM, _command("export"), name, told)
    console.print(f"{name}: {rows:,} rows in {file}, SHA-256 {told}", soft_wrap=True)


def _command(what: str) -> Command:
    return Command(name=f"change_log.{what}", request_id=str(uuid.uuid4()))
