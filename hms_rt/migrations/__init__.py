"""Schema migrations (alembic), one per department; run with ``hms-rt migrate``."""

NEWEST = "0059"
"""The revision that this version of the program expects; a test holds it to the newest script."""
