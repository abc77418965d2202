"""SQL of the pharmacy. Whoever changes a prescription has locked it; its lines are guarded by that lock."""
