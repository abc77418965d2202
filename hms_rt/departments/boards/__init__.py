"""Boards: what is composed of several departments and shown or printed as one page."""
