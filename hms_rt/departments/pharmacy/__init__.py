"""The pharmacy: formulary, prescriptions, dispensing, stock."""
