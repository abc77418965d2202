"""Service accounts, their secrets, and subscriptions, as rows."""
