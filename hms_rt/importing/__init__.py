"""Brings wards and beds, staff and patients in from CSV files, through the services, a report by line."""
