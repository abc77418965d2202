"""One module per measurement; each has ``measure(bench)``, which gives plain JSON."""
