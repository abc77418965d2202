"""Measurements. They print figures and never fail a test: ``make bench``."""
