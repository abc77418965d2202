"""One package per department of the hospital; between them, services and events only."""
