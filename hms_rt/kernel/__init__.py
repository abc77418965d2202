"""Vocabulary every other package shares: errors, ids, clock, principals, events and changes.

The kernel knows no technology: it imports the standard library only.
"""
