"""The rules of reporting; pure, they decide or raise."""
