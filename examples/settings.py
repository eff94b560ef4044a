"""What both example apps take from the environment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from mestres_perf import RateLimit
from mestres_perf import Settings as PerfSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one shop; those of pools, caches and sessions are `perf`.

    `demo` adds what only a demonstration needs: a button that pays a PIX.
    """

    database_url: str = "sqlite:///mestres.db"
    redis_url: str = ""
    admin_token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    webhook_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    cache: bool = True
    rate_limit: str = ""
    json_logs: bool = False
    mail_dir: str = ""
    port: int = 8000
    demo: bool = False
    perf: PerfSettings = field(default_factory=PerfSettings)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, *, demo: bool = False) -> Settings:
        """Every variable that is set; the rest by default. A plain postgresql:// means psycopg 3. Raises ValueError."""
        default = cls(demo=demo)
        url = environment.get("MESTRES_DATABASE_URL") or default.database_url
        for plain in ("postgresql://", "postgres://"):
            if url.startswith(plain):
                url = "postgresql+psycopg://" + url.removeprefix(plain)
        return cls(
            database_url=url,
            redis_url=environment.get("MESTRES_REDIS_URL", ""),
            admin_token=environment.get("MESTRES_ADMIN_TOKEN") or default.admin_token,
            webhook_secret=environment.get("MESTRES_WEBHOOK_SECRET") or default.webhook_secret,
            cache=environment.get("MESTRES_CACHE", "1") != "0",
            mail_dir=environment.get("MESTRES_MAIL_DIR", ""),
            rate_limit=_rate(environment.get("MESTRES_RATE_LIMIT", "")),
            json_logs=environment.get("MESTRES_LOGS", "") == "json",
            port=_port(environment.get("PORT") or str(default.port)),
            demo=demo,
            perf=PerfSettings.from_environment(environment),
        )


def _rate(text: str) -> str:
    try:
        RateLimit(text or "1/s")
    except ValueError as error:
        raise ValueError(f"MESTRES_RATE_LIMIT: {error}") from None
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) < 2**16):
        raise ValueError(f"PORT must be a number from 0 to 65535, not {text!r}")
    return int(text)
