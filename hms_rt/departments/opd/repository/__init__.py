"""SQL of outpatients. Locks are taken in this order: plans, patient, counter, slots by id, tokens by id,
visits, appointments by id, queues, summary.
"""
