"""Identity: users, their roles and assignments, sessions, and unattended screens."""
