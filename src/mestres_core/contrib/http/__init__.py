"""The shop's HTTP API without any framework: Flask and FastAPI serve the same thing because both serve this."""

from mestres_core.contrib.http.api import Api
from mestres_core.contrib.http.calls import Direct, Reads
from mestres_core.contrib.http.messages import MAX_BODY, Application, Document, Reply, Request, etag_of
from mestres_core.contrib.http.routes import ROUTES, Route, pattern_of

__all__ = [
    "MAX_BODY",
    "ROUTES",
    "Api",
    "Application",
    "Direct",
    "Document",
    "Reads",
    "Reply",
    "Request",
    "Route",
    "etag_of",
    "pattern_of",
]
