"""The demo: a furnished hospital and its working day, both made through the public API."""
