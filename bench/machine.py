"""What the figures were taken on: enough to judge them, nothing that names the machine."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import orjson

from bench import tools
from bench.subjects import Cores

PACKAGES = ("aiohttp", "python-socketio", "python-engineio", "uvloop", "orjson", "asyncpg")


def description(cores: Cores) -> dict[str, str]:
    """By name, in the order in which to show it."""
    lock = orjson.loads((tools.HERE / "peers" / "package.json").read_bytes())["dependencies"]
    shared = cores.server == cores.client
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "pinned": "server and client share one core"
        if shared
        else f"server on core {cores.server}; load client, stores and feeders on core {cores.client}",
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]}",
        "Python": f"{platform.python_version()}, "
        + ", ".join(f"{package} {version(package)}" for package in PACKAGES),
        "Node": f"{_node()}, " + ", ".join(f"{name} {number}" for name, number in lock.items()),
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _node() -> str:
    try:
        done = subprocess.run([tools.node(), "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.SubprocessError, tools.MissingToolError):
        return "none"
    return done.stdout.strip()
