"""HTTP itself, without any framework: ASGI and WSGI are specifications, not dependencies."""

from mestres_perf.http._beacon import Vitals
from mestres_perf.http.admission import AdmissionMiddleware, WSGIAdmissionMiddleware
from mestres_perf.http.asgi import PerformanceMiddleware
from mestres_perf.http.asgi_cache import CacheMiddleware
from mestres_perf.http.sessions import MemorySessions, Session, Sessions
from mestres_perf.http.wsgi import WSGIPerformanceMiddleware
from mestres_perf.http.wsgi_cache import WSGICacheMiddleware

__all__ = [
    "AdmissionMiddleware",
    "CacheMiddleware",
    "MemorySessions",
    "PerformanceMiddleware",
    "Session",
    "Sessions",
    "Vitals",
    "WSGIAdmissionMiddleware",
    "WSGICacheMiddleware",
    "WSGIPerformanceMiddleware",
]
