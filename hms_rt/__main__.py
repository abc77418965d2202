"""``hms-rt``: serve, demo, migrate, create-admin, import, replay, config check."""

from hms_rt.cli.commands import app
from hms_rt.kernel.collector import collect_seldom


def main() -> None:
    """Entry point of the console script."""
    collect_seldom()
    app()


if __name__ == "__main__":
    main()
