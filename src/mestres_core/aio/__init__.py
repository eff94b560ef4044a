"""The shop for async code: the same services, awaited, on real async drivers. See `docs/async.md`.

Needs `pip install 'mestres[async]'`.
"""

from mestres_core.aio.engine import engine_beside, make_async_engine
from mestres_core.aio.services import AsyncServices
from mestres_core.aio.shop import AsyncCommerce

__all__ = ["AsyncCommerce", "AsyncServices", "engine_beside", "make_async_engine"]
