"""SQL of inpatients."""
