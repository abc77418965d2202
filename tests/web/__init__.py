"""The HTTP door, tried with a tiny application of its own."""
