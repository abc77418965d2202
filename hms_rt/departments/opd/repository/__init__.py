"""SQL of outpatients. Locks are taken in this order: patient, counter, tokens by id, queues, summary."""
