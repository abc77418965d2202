"""Rows of notifications and of on-call duty."""
