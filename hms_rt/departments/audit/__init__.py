"""Audit: reading who did what, and sealing it so that rewriting it shows."""
