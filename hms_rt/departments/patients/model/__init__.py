"""Rules about patients and about what may stand in a clinical record; pure, they decide or raise."""
