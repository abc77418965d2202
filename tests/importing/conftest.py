"""An operator's desk: texts go in as files would."""

from pathlib import Path

import pytest

from hms_rt.cli.importing import importer_of
from hms_rt.importing.kinds import Kind
from hms_rt.importing.outcome import Outcome
from hms_rt.importing.run import Summary, run
from hms_rt.importing.source import Source
from hms_rt.services import Services


class Desk:
    """Imports texts as an operator would import files."""

    def __init__(self, services: Services, folder: Path) -> None:
        self._services = services
        self.folder = folder
        self.passwords = folder / "passwords.csv"

    async def bring(
        self,
        kind: Kind,
        content: str | bytes,
        *,
        dry_run: bool = False,
        stop_on_error: bool = False,
        reading: dict[str, str] | None = None,
    ) -> Summary:
        file = self.folder / "file.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        importer = importer_of(kind, self._services, self.passwords)
        source = Source(file, importer.columns, **(reading or {}))
        report = self.folder / "report.csv"
        return await run(importer, source, dry_run=dry_run, stop_on_error=stop_on_error, report=report)


@pytest.fixture
def desk(services: Services, tmp_path: Path) -> Desk:
    return Desk(services, tmp_path)


def counts(summary: Summary) -> tuple[int, int, int]:
    """Created, there already, refused."""
    return tuple(summary.counts[outcome] for outcome in Outcome)  # type: ignore[return-value]


def told(summary: Summary) -> dict[int, str]:
    """Line -> why it was refused."""
    return {refusal.line: refusal.detail for refusal in summary.refusals}
