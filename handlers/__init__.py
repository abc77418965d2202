"""REST handlers, one module per department: parse the request, call the service, shape the answer."""
