"""The files in which the workers of one ``serve`` count, so that any of them can answer for all."""

import shutil
import tempfile
from pathlib import Path


class MetricsFolder:
    """A private folder, and the names that workers write under.

    A place has two names, for a worker and for its successor while both live. Names come again, so that
    restarts leave no files behind and counts go on where the worker before stopped.
    """

    def __init__(self) -> None:
        self._path = Path(tempfile.mkdtemp(prefix="hms-metrics-"))

    def environment(self) -> dict[str, str]:
        """What tells prometheus_client to count there. It must be set before that is imported."""
        return {"PROMETHEUS_MULTIPROC_DIR": str(self._path)}

    @staticmethod
    def name(worker: int, but: str = "") -> str:
        """A name for a worker of this place, another one than ``but``, which is in use."""
        first, second = f"{worker}a", f"{worker}b"
        return second if but == first else first

    def dead(self, name: str) -> None:
        """Forget what only a living process has (such as its connections); its counts stay."""
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(name, str(self._path))  # type: ignore[no-untyped-call]

    def forget(self, name: str) -> None:
        """Forget everything counted under a name."""
        for file in self._path.glob(f"*_{name}.db"):
            file.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._path, ignore_errors=True)
