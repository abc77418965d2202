"""Clocks of real processes that can be set while they run (``clock.c``, compiled here and preloaded)."""

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock.c")


class Clocks:
    """One settable clock per name, in ``folder``, which every account may read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shim = folder / "clock.so"

    @staticmethod
    def missing() -> str | None:
        """Why clocks cannot be set here; None if they can."""
        return None if shutil.which("gcc") else "no gcc: the clock's shim cannot be compiled"

    def compile(self) -> None:
        """Make the shim."""
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        subprocess.run(
            ["gcc", "-O2", "-shared", "-fPIC", "-o", str(self.shim), str(SOURCE)], check=True, timeout=60
        )
        self.shim.chmod(0o755)

    def environment(self, name: str) -> dict[str, str]:
        """What a process needs to live by the clock ``name``; it shows the right time until it is set."""
        if not self._file(name).exists():
            self.set(name, 0)
        return {"LD_PRELOAD": str(self.shim), "FAULTS_CLOCK": str(self._file(name))}

    def set(self, name: str, seconds: int) -> None:
        """From now on ``name`` is off by ``seconds``, in every process that lives by it."""
        file = self._file(name)
        if not file.exists():
            file.write_bytes(bytes(8))
            file.chmod(0o644)
        with file.open("r+b") as opened:
            opened.write(struct.pack("q", seconds))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.clock"
