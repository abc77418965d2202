"""The pages for boards and staff: static files that speak to the server as any other client does."""
