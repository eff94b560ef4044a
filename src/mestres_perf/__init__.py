"""Performance middleware for Python web projects, WSGI and ASGI."""
