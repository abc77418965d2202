"""Reporting: what external servers may read of the hospital, and how they are told of changes."""
