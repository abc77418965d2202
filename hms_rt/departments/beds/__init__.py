"""Rooms and beds: the location tree, bed states, ward boards and occupancy."""
