"""Shapes of the laboratory on the wire."""
