"""One worker process of ``serve --workers``. Started by the supervisor only, never by hand."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING

from hms_rt.cli.post import ALIVE_EVERY_S, LISTENING, READY, REFUSAL_EXIT, REFUSED, Post
from hms_rt.kernel.collector import collect_seldom

if TYPE_CHECKING:
    from hms_rt.app import Hospital
    from hms_rt.cli.serving import Door
    from hms_rt.config import Settings

PR_SET_PDEATHSIG = 1
ASK_READY_S = 0.1


def main() -> None:
    """Serve on the post in the environment: SIGTERM ends it gently, SIGUSR1 says that another took over."""
    post = Post.from_environment()
    collect_seldom()
    _end_with(post.supervisor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's business
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        _serve(post)
    except Exception as error:
        post.report(REFUSED, _told(error))
        if _expected(error):
            sys.stderr.write(f"worker {post.worker} cannot start: {_told(error)}\n")
            sys.exit(REFUSAL_EXIT)
        raise
    finally:
        if os.getppid() != post.supervisor:  # it was killed, and cannot clear up
            shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)


def _end_with(supervisor: int) -> None:
    """From now on the kernel sends SIGTERM when the supervisor ends, however that happens."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != supervisor:
        sys.exit(REFUSAL_EXIT)


def _serve(post: Post) -> None:
    """Load the application, after the metrics know whose files they write, and run it."""
    from prometheus_client import values

    # A stable name instead of the process id, so that files do not pile up with every restart.
    values.ValueClass = values.MultiProcessValue(lambda: post.metrics)  # type: ignore[no-untyped-call]
    from hms_rt import logs
    from hms_rt.cli import loop
    from hms_rt.config import load

    settings = load()
    logs.configure(settings.log_level, worker=post.worker)
    loop.run(lambda: _work(post, settings))


async def _work(post: Post, settings: "Settings") -> None:
    from hms_rt.app import Hospital
    from hms_rt.cli import databases, sockets, stores
    from hms_rt.cli.serving import Door

    given = stores.named(settings)
    await databases.require_current(given.postgres_uri)
    hospital = Hospital(settings, given)
    hospital.vitals.worker = post.worker
    door = Door(hospital, settings, sockets.adopt(post.sockets))
    stop = _stop_event(door)
    await hospital.start()
    beating = asyncio.create_task(_beat(post), name="beat")
    try:
        port = await door.open()
        post.report(LISTENING, str(port))
        telling = asyncio.create_task(_tell_when_ready(post, hospital), name="tell when ready")
        await stop.wait()
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
        await door.close()
    finally:
        await hospital.stop()
        beating.cancel()


async def _beat(post: Post) -> None:
    """Until the very end: a worker that hangs while it stops is hung too."""
    while True:
        post.beat()
        await asyncio.sleep(ALIVE_EVERY_S)


def _stop_event(door: "Door") -> asyncio.Event:
    stop = asyncio.Event()

    def replaced() -> None:
        door.replaced = True
        stop.set()

    running = asyncio.get_running_loop()
    running.add_signal_handler(signal.SIGTERM, stop.set)
    running.add_signal_handler(signal.SIGUSR1, replaced)
    return stop


async def _tell_when_ready(post: Post, hospital: "Hospital") -> None:
    while not await hospital.ready():  # noqa: ASYNC110 - what is asked are other servers
        await asyncio.sleep(ASK_READY_S)
    post.report(READY)


def _expected(error: Exception) -> bool:
    """True for what an operator can mend; anything else is told with its stack."""
    from hms_rt.config import ConfigError
    from hms_rt.kernel.errors import HmsError

    return isinstance(error, ConfigError | HmsError | OSError)


def _told(error: Exception) -> str:
    """One line; of unexpected errors only the kind: a driver's message may hold an address or a secret."""
    return str(error) if _expected(error) else type(error).__name__


if __name__ == "__main__":
    main()
