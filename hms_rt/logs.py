"""The server's log: structured lines on standard error, or in a file; never patient data."""

import logging
import sys
from pathlib import Path
from typing import TextIO

import structlog


def configure(level: str = "INFO", file: Path | None = None, worker: int | None = None) -> None:
    """Send every log line to ``file`` (JSON), a terminal (readable) or a pipe (JSON).

    With ``worker`` every line names the process that wrote it, among those of one ``serve``.
    """
    stream: TextIO = sys.stderr
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        stream = file.open("a", encoding="utf-8", buffering=1)
    readable = file is None and stream.isatty()
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    )
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if worker is not None:
        processors.insert(0, _naming(worker))
    if not readable:
        processors.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[*processors, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
        cache_logger_on_first_use=True,
    )
    named = "" if worker is None else f"worker {worker} "
    logging.basicConfig(
        stream=stream, level=logging.WARNING, format=f"%(asctime)s {named}%(name)s %(message)s"
    )
    # aiohttp logs malformed requests with their bytes, which may hold anything.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)


def _naming(worker: int) -> structlog.typing.Processor:
    def name(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        line["worker"] = worker
        return line

    return name
