"""``hms-rt``: serve, demo, migrate, create-admin, import, replay, config check."""

from hms_rt.cli.commands import app


def main() -> None:
    """Entry point of the console script."""
    app()


if __name__ == "__main__":
    main()
