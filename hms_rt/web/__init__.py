"""The HTTP door: endpoint declarations, validation, OpenAPI, problem documents and middlewares.

It knows no department: handlers declare endpoints, ``server.build_web`` serves them.
"""
