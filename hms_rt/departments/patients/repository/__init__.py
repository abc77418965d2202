"""Rows of patients and of their record."""
