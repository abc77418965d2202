"""Shapes of outpatients on the wire, by subject."""
