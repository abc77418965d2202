"""The stores that the settings name, opened for one import."""

import uuid
from pathlib import Path
from typing import Any

from hms_rt.app import Hospital, Stores
from hms_rt.cli.databases import require_current
from hms_rt.config import ConfigError, Settings
from hms_rt.importing.beds import BedsImporter
from hms_rt.importing.kinds import Kind
from hms_rt.importing.outcome import Importer
from hms_rt.importing.patients import PatientsImporter
from hms_rt.importing.run import Summary, run
from hms_rt.importing.source import Source
from hms_rt.importing.staff import StaffImporter
from hms_rt.services import Services


def importer_of(kind: Kind, services: Services, passwords: Path) -> Importer[Any]:
    """The importer of ``kind``; generated passwords of staff go to ``passwords``."""
    run_id = uuid.uuid4()
    if kind is Kind.BEDS:
        return BedsImporter(services.beds, run_id)
    if kind is Kind.STAFF:
        return StaffImporter(services.identity, services.beds, run_id, passwords)
    return PatientsImporter(services.patients, run_id)


async def import_file(
    settings: Settings,
    kind: Kind,
    file: Path,
    passwords: Path,
    reading: dict[str, str],
    options: dict[str, Any],
) -> Summary:
    """Import ``file``; servers that run meanwhile see the changes within their next sweep.

    Raises :class:`ConfigError`, :class:`SourceError` or ``OSError`` before anything was changed.
    """
    if problems := settings.problems():
        raise ConfigError("\n".join(problems))
    stores = Stores(settings.postgres_uri or "", settings.mongo_uri or "", settings.redis_url or "")
    await require_current(stores.postgres_uri)
    hospital = Hospital(settings, stores)
    try:
        importer = importer_of(kind, hospital.services, passwords)
        if isinstance(importer, StaffImporter) and not options["dry_run"]:
            importer.passwords.check()
        return await run(importer, Source(file, importer.columns, **reading), **options)
    finally:
        await hospital.close()
