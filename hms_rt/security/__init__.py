"""Passwords, tokens, cookies and permissions. Knows no storage: sessions live in identity."""
