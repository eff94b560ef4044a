"""What the middlewares and nginx.conf say alike."""

from __future__ import annotations

from typing import Final

FRAME_OPTIONS: Final = "DENY"
CONTENT_TYPE_OPTIONS: Final = "nosniff"

HASHED_NAME: Final = (
    r"[.-](?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,64}"
    r"\.(?:css|js|mjs|map|jpe?g|png|gif|ico|svg|webp|avif|woff2?)$"
)
"""The end of a name that has its content's hash in it (app.3f9c2b71.js): with a digit and a letter at least, so that
neither a date nor a word is taken for one."""
