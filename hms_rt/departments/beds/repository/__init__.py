"""SQL of rooms and beds. Every write of a bed is preceded by its lock; locks are taken by id."""
