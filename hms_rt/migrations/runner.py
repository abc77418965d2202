"""Brings a database to the schema of this version. Import it lazily: alembic takes over a second to load."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory


def _config(postgres_uri: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("sqlalchemy.url", postgres_uri.replace("%", "%%"))
    return config


def upgrade(postgres_uri: str) -> None:
    """Apply what is missing, all in one transaction, while other processes wait.

    Runs its own event loop: call it from a thread when a loop is already running.
    """
    command.upgrade(_config(postgres_uri), "head")


def newest() -> str:
    """The revision that this version of the program expects to find."""
    head = ScriptDirectory(str(Path(__file__).parent)).get_current_head()
    if head is None:
        raise RuntimeError("no migrations are installed: reinstall hms-rt")
    return head
