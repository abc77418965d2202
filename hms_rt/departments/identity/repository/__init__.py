"""Rows of identity to model objects and back. Every function takes the connection of an open transaction."""
