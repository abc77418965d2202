"""Patients: who they are, how they are found, and their clinical record."""
