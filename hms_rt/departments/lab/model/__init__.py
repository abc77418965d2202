"""Rules of the laboratory; pure, they decide or raise."""
