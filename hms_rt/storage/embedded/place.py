"""The data folder: who holds it, where its servers keep their files, where their sockets are.

    <folder>/lock                 held by the process that runs the servers
    <folder>/servers/             postgres/ mongo/ redis/ logs/ run/ and a <server>.pid each

If the servers run as `nobody` and it cannot get to <folder> (a checkout below `/root`), `servers` is a link
to a folder below `/var/lib/hms-rt`. `erase` removes both.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import IO

from hms_rt.storage.embedded.account import Account
from hms_rt.storage.embedded.errors import EmbeddedError

ELSEWHERE = Path("/var/lib/hms-rt")
LONGEST_SOCKET = 107  # bytes, of a path in sockaddr_un
SOCKET_NAME = len("/mongodb-65535.sock")


class Place:
    """A data folder that this process holds, from `take` to `release`."""

    def __init__(self, folder: Path, account: Account) -> None:
        self.folder = folder.resolve()
        self._account = account
        self._lock: IO[str] | None = None
        self.servers = self.folder / "servers"
        self.run = self.servers / "run"

    def take(self) -> None:
        """Lock the folder and make its parts. Raises `EmbeddedError` if another process holds it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(self.folder)
        try:
            self.servers = self._servers()
            (self.servers / "logs").mkdir(mode=0o700, exist_ok=True)  # an error may quote a row
            self._forget_short_run()
            self.run = self._run()
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give the folder up; the servers must have ended."""
        self._forget_short_run()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def log(self, name: str) -> Path:
        """The log file of one server."""
        return self.servers / "logs" / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        """Which process the server of that name is, for the next start to find what is left over."""
        return self.servers / f"{name}.pid"

    def _servers(self) -> Path:
        servers = self.folder / "servers"
        if self._account.switch and all(self._account.may(above, 1) for above in self.folder.parents):
            self.folder.chmod(self.folder.stat().st_mode | 0o011)  # to go through, not to list
        elif self._account.switch and not servers.exists():
            ELSEWHERE.mkdir(parents=True, exist_ok=True)
            ELSEWHERE.chmod(0o711)  # whatever the umask
            real = Path(tempfile.mkdtemp(prefix=f"{self.folder.parent.name}-", dir=ELSEWHERE))
            servers.unlink(missing_ok=True)
            servers.symlink_to(real)
        servers.mkdir(mode=0o711, exist_ok=True)
        servers = servers.resolve()
        servers.chmod(0o711)
        if not self._account.may(servers, 1):
            raise EmbeddedError(
                f"the account that runs the servers cannot get to {servers}. Move the data folder to a place "
                "that it may go to, or start hms-rt as an ordinary user."
            )
        return servers

    def _run(self) -> Path:
        """A folder for sockets, in the data folder if that leaves their paths short enough."""
        run = self.servers / "run"
        if len(os.fsencode(run)) + SOCKET_NAME > LONGEST_SOCKET:
            run = Path(tempfile.mkdtemp(prefix="hms-", dir=_short_parent()))
            (self.servers / "run.path").write_text(str(run))
        return self._account.own(run)

    def _forget_short_run(self) -> None:
        """Remove the short folder of this start, or of one that was killed."""
        record = self.servers / "run.path"
        if record.is_file():
            shutil.rmtree(record.read_text(), ignore_errors=True)
            record.unlink()


def erase(folder: Path) -> None:
    """Remove all data of the embedded servers below `folder`, wherever it lies. The rest of `folder` stays.

    Raises `EmbeddedError` while a process runs servers on it.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        return
    with _lock(folder):
        servers = folder / "servers"
        real = servers.resolve()
        if real.exists():
            shutil.rmtree(real)
        if servers.is_symlink():
            servers.unlink()


def _lock(folder: Path) -> IO[str]:
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise EmbeddedError(
            f"{folder} is in use: process {holder} runs its servers. Stop that process first, or choose "
            "another data folder."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _short_parent() -> str:
    chosen = tempfile.gettempdir()
    fits = len(os.fsencode(chosen)) + len("/hms-xxxxxxxx") + SOCKET_NAME <= LONGEST_SOCKET
    return chosen if fits else "/tmp"  # noqa: S108 (mkdtemp makes a private folder in it)
