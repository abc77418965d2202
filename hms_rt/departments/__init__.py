"""The departments of the hospital, one package each."""
