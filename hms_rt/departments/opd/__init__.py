"""Outpatients: clinics and their counters, the day's queue, tokens, and how long a patient waits."""
