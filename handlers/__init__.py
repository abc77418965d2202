"""REST handlers, one module per department: parse, call the service, shape the answer."""

from handlers import beds, identity

ROUTES = (identity.routes, beds.routes)
"""Every department's endpoints."""
