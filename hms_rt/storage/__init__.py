"""Storage: PostgreSQL, MongoDB, Redis, the unit of work, the change log and the embedded stack."""
