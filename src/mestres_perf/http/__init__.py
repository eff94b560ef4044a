"""HTTP itself, without any framework: ASGI and WSGI are specifications, not dependencies."""

from mestres_perf.http._beacon import Vitals
from mestres_perf.http.access_log import AccessLogMiddleware, WSGIAccessLogMiddleware
from mestres_perf.http.admission import AdmissionMiddleware, WSGIAdmissionMiddleware
from mestres_perf.http.asgi import PerformanceMiddleware
from mestres_perf.http.asgi_cache import CacheMiddleware
from mestres_perf.http.body_limits import BodyLimitMiddleware, WSGIBodyLimitMiddleware
from mestres_perf.http.cache_control import (
    HASHED,
    IMMUTABLE,
    NO_STORE,
    CacheControlMiddleware,
    CacheRule,
    WSGICacheControlMiddleware,
)
from mestres_perf.http.compression import CompressionMiddleware, WSGICompressionMiddleware
from mestres_perf.http.deadlines import DeadlineMiddleware, WSGIDeadlineMiddleware
from mestres_perf.http.request_ids import RequestIdMiddleware, WSGIRequestIdMiddleware, new_request_id, request_id
from mestres_perf.http.security_headers import SecurityHeaders, SecurityHeadersMiddleware, WSGISecurityHeadersMiddleware
from mestres_perf.http.sessions import MemorySessions, Session, Sessions
from mestres_perf.http.wsgi import WSGIPerformanceMiddleware
from mestres_perf.http.wsgi_cache import WSGICacheMiddleware

__all__ = [
    "HASHED",
    "IMMUTABLE",
    "NO_STORE",
    "AccessLogMiddleware",
    "AdmissionMiddleware",
    "BodyLimitMiddleware",
    "CacheControlMiddleware",
    "CacheMiddleware",
    "CacheRule",
    "CompressionMiddleware",
    "DeadlineMiddleware",
    "MemorySessions",
    "PerformanceMiddleware",
    "RequestIdMiddleware",
    "SecurityHeaders",
    "SecurityHeadersMiddleware",
    "Session",
    "Sessions",
    "Vitals",
    "WSGIAccessLogMiddleware",
    "WSGIAdmissionMiddleware",
    "WSGIBodyLimitMiddleware",
    "WSGICacheControlMiddleware",
    "WSGICacheMiddleware",
    "WSGICompressionMiddleware",
    "WSGIDeadlineMiddleware",
    "WSGIPerformanceMiddleware",
    "WSGIRequestIdMiddleware",
    "WSGISecurityHeadersMiddleware",
    "new_request_id",
    "request_id",
]
