"""One server process: started so that it ends with its launcher, and stopped so that it ends for certain."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hms_rt.storage.embedded.account import Account
from hms_rt.storage.embedded.errors import EmbeddedError

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.01
LOG_KEPT_BYTES = 8 * 1024 * 1024
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Child:
    """A running server. `patience` is what it gets to end by itself, in seconds, before it is killed."""

    title: str
    log: Path
    process: subprocess.Popen[bytes]
    ending: tuple[signal.Signals, ...]
    patience: float = 15
    _pid_file: Path | None = field(default=None)

    @property
    def pid(self) -> int:
        return self.process.pid

    def check(self) -> None:
        """Raise `EmbeddedError`, with the end of its log, if the server has ended."""
        code = self.process.poll()
        if code is not None:
            raise EmbeddedError(f"{self.title} ended while starting ({_how(code)}).{tail(self.log)}")

    async def wait(self, seconds: float) -> int | None:
        """Its exit code, or None if it has not ended by then."""
        deadline = time.monotonic() + seconds
        while (code := self.process.poll()) is None and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        return code

    async def stop(self) -> None:
        """Ask it to end, ever less politely; returns when it has."""
        for each in (*self.ending, signal.SIGKILL):
            if self.process.poll() is not None:
                break
            self.process.send_signal(each)
            await self.wait(self.patience if each is not signal.SIGKILL else 5)
        if self.process.poll() is None:
            raise EmbeddedError(f"{self.title} (process {self.pid}) does not end, even when killed")
        if self._pid_file is not None:
            self._pid_file.unlink(missing_ok=True)


def spawn(
    title: str,
    command: Sequence[str | Path],
    *,
    account: Account,
    log: Path,
    cwd: Path,
    ending: tuple[signal.Signals, ...] = (signal.SIGTERM,),
    pid_file: Path | None = None,
    library_path: str = "",
) -> Child:
    """Start a server in a session of its own (so that Ctrl-C reaches only the launcher), output to `log`.

    The kernel sends it the first of `ending` when the thread that called this ends, however that happens.
    """
    launcher = os.getpid()

    def prepare() -> None:  # runs in the child, after it became `account`
        _libc.prctl(PR_SET_PDEATHSIG, int(ending[0]), 0, 0, 0)
        if os.getppid() != launcher:
            os._exit(1)

    environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(cwd)}
    if library_path:
        environment["LD_LIBRARY_PATH"] = library_path
    if log.exists() and log.stat().st_size > LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment,
            start_new_session=True,
            umask=0o077,
            preexec_fn=prepare,
            user=account.uid if account.switch else None,
            group=account.gid if account.switch else None,
            extra_groups=[] if account.switch else None,
        )
    if pid_file is not None:
        pid_file.write_text(f"{process.pid} {_born(process.pid)}")
    return Child(title, log, process, ending, _pid_file=pid_file)


async def end_leftover(
    title: str, pid_file: Path, ending: tuple[signal.Signals, ...], patience: float
) -> None:
    """End the server that a killed launcher left behind, if one still runs."""
    try:
        pid_text, born = pid_file.read_text().split(" ", 1)
    except (OSError, ValueError):
        return
    pid = int(pid_text)
    for each in (*ending, signal.SIGKILL):
        if _born(pid) != born:
            break
        os.kill(pid, each)
        deadline = time.monotonic() + patience
        while _born(pid) == born and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
    if _born(pid) == born:
        raise EmbeddedError(
            f"{title} of an earlier run (process {pid}) does not end. Kill it, then start again."
        )
    pid_file.unlink(missing_ok=True)


def tail(log: Path, lines: int = 12) -> str:
    """The end of a log file, introduced by its path, to append to a message."""
    try:
        with log.open("rb") as source:
            source.seek(max(0, log.stat().st_size - 16_384))
            text = source.read().decode(errors="replace").strip()
    except OSError:
        return ""
    return f" The end of {log}:\n" + "\n".join(text.splitlines()[-lines:])


def _born(pid: int) -> str:
    """When a process began, as the kernel counts, with the boot it counts from; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{fields[19]} {boot}"


def _how(code: int) -> str:
    if code == -signal.SIGILL:
        return "illegal instruction: this processor lacks what the program needs, for MongoDB that is AVX"
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
