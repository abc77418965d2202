"""Billing: tariffs, charges, invoices, payments, the cashiers' shifts."""
