"""A hospital of ten years, and what its lists cost: ``python -m bench.decade``."""
