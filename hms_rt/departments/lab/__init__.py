"""Laboratory: catalogue, orders, specimens, results, critical alerts."""
