"""Fill a hospital of ten years at three sizes, ask every list, print what each costs and what is wrong.

``--update`` writes the outcome to ``docs/lists.md``.
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import asyncpg
import uvloop
from rich.console import Console
from sqlalchemy.engine import make_url

from bench.decade.fill import fill
from bench.decade.report import SHARES, Found, Results, report
from bench.decade.session import ask_all
from hms_rt.app import Stores
from hms_rt.cli.databases import migrate
from hms_rt.logs import configure
from hms_rt.storage.embedded import EmbeddedStack, erase

DOCS = Path(__file__).parents[2] / "docs" / "lists.md"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m bench.decade", description=__doc__)
    parser.add_argument("--patients", type=int, default=300_000, help="at full size (10,000 or more)")
    parser.add_argument("--update", action="store_true", help="write docs/lists.md")
    arguments = parser.parse_args()
    configure("ERROR")
    console = Console(width=170)
    results, rows = uvloop.run(_measure(arguments.patients, console))
    page = report(results, arguments.patients, rows)
    console.print(page, highlight=False, markup=False)
    if arguments.update:
        DOCS.write_text(page)


async def _measure(patients: int, console: Console) -> tuple[Results, list[int]]:
    results: Results = defaultdict(Found)
    rows = []
    folder = Path(tempfile.mkdtemp(prefix="hms-decade-"))
    stack = EmbeddedStack(folder, durable=False)
    try:
        uris = await stack.start()
        for share in SHARES:
            count = int(patients * share)
            began = time.monotonic()
            name = f"decade_{count}"
            uri = await _database(uris.postgres_uri, name)
            total = await _filled(uri, count, console)
            rows.append(total)
            stores = Stores(uri, uris.mongo_uri, uris.redis_url, name, name)
            size = await ask_all(stores, share, results)
            console.print(f"{count:,} patients, {total:,} rows, {size}: {time.monotonic() - began:.0f} s")
            await _drop(uris.postgres_uri, name)
    finally:
        await stack.stop()
        erase(folder)
    return results, rows


async def _admin(uri: str, database: str = "postgres") -> asyncpg.Connection:
    url = make_url(uri)
    host = url.query.get("host") or url.host
    return await asyncpg.connect(host=host, port=url.port, user=url.username, database=database)


async def _database(uri: str, name: str) -> str:
    connection = await _admin(uri)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    made = make_url(uri).set(database=name).render_as_string(hide_password=False)
    await migrate(made)
    return made


async def _drop(uri: str, name: str) -> None:
    connection = await _admin(uri)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


async def _filled(uri: str, patients: int, console: Console) -> int:
    connection = await _admin(uri, str(make_url(uri).database))
    try:
        await connection.execute("SET max_parallel_workers_per_gather = 0")
        return await fill(connection, patients, console.print)
    finally:
        await connection.close()


if __name__ == "__main__":
    main()
