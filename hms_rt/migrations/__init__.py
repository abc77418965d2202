"""Schema migrations (alembic), one per department; run with ``hms-rt migrate``."""
