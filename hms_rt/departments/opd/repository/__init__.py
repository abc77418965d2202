"""SQL of outpatients. Locks are taken in this order: plans, patient, counter, slots by id, tokens by id,
appointments by id, queues, summary.
"""
