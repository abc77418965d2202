"""``hms-rt downtime``: paper for when the server is down, fetched while it is up, on another machine.

Every few minutes each sheet that the account may read becomes a PDF in a folder: ``census-ICU.pdf``, and the
ones before it under ``earlier/``. What cannot be fetched stays as it was, with its time on it. The folder and
its files are for their owner alone: they name patients.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import aiohttp

API = "/api/v1"
ANSWER_S = 60
LIST = {"limit": "200"}
SHEETS = (("wards", "census"), ("clinics", "queue"))
"""Lists of places, and what is printed of each place: ``GET /wards/{code}/census.pdf``."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class DowntimeOptions:
    """Where to fetch as whom, where to put it, how often, and how many earlier ones to keep of each."""

    url: str
    username: str
    password: str
    folder: Path
    minutes: float
    keep: int
    insecure: bool = False


class SignInRefusedError(Exception):
    """The account cannot sign in: nothing will be fetched until somebody sees to it."""


async def run(options: DowntimeOptions, say: Say, *, once: bool = False) -> bool:
    """Fetch now and every few minutes, for ever unless ``once``; True if the last round fetched all."""
    while True:
        try:
            fetched, failed = await fetch(options)
        except SignInRefusedError as error:
            fetched, failed = [], [str(error)]
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            fetched, failed = [], [f"{options.url} does not answer ({type(error).__name__})"]
        say(f"{datetime.now():%H:%M:%S} {len(fetched)} sheets" + "".join(f"\n  {why}" for why in failed))  # noqa: DTZ005 - the time of whoever reads it here
        if once:
            return bool(fetched) and not failed
        await asyncio.sleep(options.minutes * 60)


async def fetch(options: DowntimeOptions) -> tuple[list[Path], list[str]]:
    """One round: the files written, and what could not be fetched. Raises if the server is away."""
    prepare(options.folder)
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    jar = aiohttp.CookieJar(unsafe=True)  # the server may be known by its address alone
    connector = aiohttp.TCPConnector(ssl=not options.insecure)
    async with aiohttp.ClientSession(
        options.url, cookie_jar=jar, timeout=timeout, connector=connector
    ) as session:
        signed = {"username": options.username, "password": options.password}
        async with session.post(f"{API}/auth/login", json=signed) as answer:
            if answer.status != 200:
                raise SignInRefusedError(f"{options.username} cannot sign in: HTTP {answer.status}")
        try:
            return await _fetch_all(session, options)
        finally:
            async with session.post(f"{API}/auth/logout"):
                pass


async def _fetch_all(
    session: aiohttp.ClientSession, options: DowntimeOptions
) -> tuple[list[Path], list[str]]:
    written: list[Path] = []
    failed: list[str] = []
    for places, sheet in SHEETS:
        for code in await _codes(session, places):
            path = options.folder / f"{sheet}-{code}.pdf"
            async with session.get(f"{API}/{places}/{code}/{sheet}.pdf") as answer:
                if answer.status == 200:
                    replace(path, await answer.read(), keep=options.keep)
                    written.append(path)
                elif answer.status not in {403, 404}:  # not this account's, or no such sheet
                    failed.append(f"{path.name}: HTTP {answer.status}")
    if not written and not failed:
        failed.append(f"{options.username} may read no sheet: assign wards or clinics to this account")
    return written, failed


async def _codes(session: aiohttp.ClientSession, places: str) -> list[str]:
    found: list[str] = []
    wanted = dict(LIST)
    while True:
        async with session.get(f"{API}/{places}", params=wanted) as answer:
            answer.raise_for_status()
            page = await answer.json()
        found += [item["code"] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        wanted["cursor"] = page["next_cursor"]


def prepare(folder: Path) -> None:
    """Make the folder, for its owner alone."""
    for wanted in (folder, folder / "earlier"):
        wanted.mkdir(parents=True, exist_ok=True)
        wanted.chmod(0o700)


def replace(path: Path, content: bytes, *, keep: int) -> None:
    """Put ``content`` in the place of ``path``, whole or not at all; what was there is kept as earlier."""
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    earlier = path.parent / "earlier"
    if path.exists():
        taken = datetime.fromtimestamp(path.stat().st_mtime)  # noqa: DTZ006 - a file's name, read here
        path.rename(earlier / f"{path.stem} {taken:%Y-%m-%d %H.%M.%S}.pdf")
    fresh.rename(path)
    for old in sorted(earlier.glob(f"{path.stem} ????-??-??*.pdf"))[: -keep or None]:
        old.unlink()
