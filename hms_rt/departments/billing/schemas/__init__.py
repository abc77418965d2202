"""Billing on the wire: money is text, never a number."""
