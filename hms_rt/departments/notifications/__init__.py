"""Notifications: durable messages to users, shown at once wherever they are connected."""
