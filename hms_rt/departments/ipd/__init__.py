"""Inpatients: admissions and stays, from the request to the departure."""
