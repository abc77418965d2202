"""Rush hour: many cashiers and dispensers at once on the same lot, invoice and counter."""
