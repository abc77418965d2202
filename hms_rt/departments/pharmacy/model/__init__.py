"""Rules of the pharmacy; pure, they decide or raise."""
