"""Media of a product: pictures, videos, documents, in an order, each with words for those who do not see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from mestres_core.catalog.dto import Media
from mestres_core.catalog.finding import Changing, find_product
from mestres_core.catalog.models import image
from mestres_core.errors import NotFound, ValidationError
from mestres_core.events.work import Work
from mestres_core.rules.checks import BIGGEST_ID, Checks

KINDS = ("image", "video", "document")
MOST_MEDIA = 100
_OF = select(image).where(image.c.product_id == bindparam("product_id")).order_by(image.c.position, image.c.id)
_ONE = select(image).where(image.c.id == bindparam("id"))
_PLACE = update(image).where(image.c.id == bindparam("of")).values(position=bindparam("at"))


class MediaService:
    """Media in one unit of work. The first picture of a product is the one that lists show."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._session = work.session
        self._changing = Changing(work)

    def add(
        self, product: int | str, *, url: str, alt: str | None = None, kind: str = "image", position: int | None = None
    ) -> Media:
        """Add one at `position` (None: last). `alt` is the product's name when it is not given; "" means decoration.

        The address is http(s), or a path of the shop's own. `catalog.save` with other content replaces the pictures by
        its own `images`; videos and documents stay. Raises NotFound, ValidationError.
        """
        checks = Checks()
        url, alt = self._check(checks, url=url, alt=alt)
        checks.choice("kind", kind, KINDS)
        if position is not None:
            checks.whole("position", position, at_least=0, at_most=MOST_MEDIA)
        checks.done()
        row = self._changing.lock(product)
        ids = [each.id for each in self._session.execute(_OF, {"product_id": row.id})]
        if len(ids) >= MOST_MEDIA:
            raise ValidationError.of("product", "too_many", limit=MOST_MEDIA)
        values = {
            "product_id": row.id,
            "url": url,
            "alt": row.name if alt is None else alt,
            "kind": kind,
            "position": len(ids),
        }
        made = self._session.execute(insert(image).returning(image.c.id), values).scalar_one()
        ids.insert(len(ids) if position is None else position, made)
        self._order(ids)
        self._changing.changed(row, shown=True)
        return self._media(made)

    def of(self, product: int | str, *, kind: str | None = None) -> tuple[Media, ...]:
        """All of a product, in their order; those of one `kind`. Raises NotFound, ValidationError."""
        checks = Checks()
        if kind is not None:
            checks.choice("kind", kind, KINDS)
        checks.done()
        row = find_product(self._session, product)
        found = map(_media, self._session.execute(_OF, {"product_id": row.id}))
        return tuple(each for each in found if kind in (None, each.kind))

    def change(self, media_id: int, *, url: str | None = None, alt: str | None = None) -> Media:
        """Another address, other words, or both. Raises NotFound, ValidationError."""
        checks = Checks()
        given = {"url": url, "alt": alt}
        if url is None and alt is None:
            checks.wrong("url", "required")
        else:
            self._check(checks, url="/" if url is None else url, alt=alt)
        checks.done()
        row = self._row(media_id)
        of = self._changing.lock(row.product_id)
        values = {name: value.strip() for name, value in given.items() if value is not None}
        self._session.execute(update(image).where(image.c.id == row.id).values(values))
        self._changing.changed(of, shown=True)
        return self._media(row.id)

    def reorder(self, product: int | str, media_ids: Sequence[int]) -> tuple[Media, ...]:
        """Put all media of a product into this order. Raises NotFound, ValidationError unless each is named once."""
        if not isinstance(media_ids, list | tuple):
            raise ValidationError.of("media_ids", "not_list")
        row = self._changing.lock(product)
        ids = [each.id for each in self._session.execute(_OF, {"product_id": row.id})]
        if sorted(map(str, media_ids)) != sorted(map(str, ids)):
            reason = f"name each of these once: {', '.join(map(str, ids))}"
            raise ValidationError.of("media_ids", "invalid", reason=reason)
        self._order([int(each) for each in media_ids])
        self._changing.changed(row, shown=True)
        return self.of(row.id)

    def remove(self, media_id: int) -> None:
        """Take one away. Raises NotFound."""
        row = self._row(media_id)
        of = self._changing.lock(row.product_id)
        self._session.execute(delete(image).where(image.c.id == row.id))
        self._order([each.id for each in self._session.execute(_OF, {"product_id": of.id})])
        self._changing.changed(of, shown=True)

    @staticmethod
    def _check(checks: Checks, *, url: Any, alt: Any) -> tuple[str, str | None]:
        url = checks.text("url", url, limit=500)
        if url and not url.startswith(("https://", "http://")) and (":" in url.partition("/")[0] or url[:2] == "//"):
            checks.wrong("url", "invalid", reason="must be an http(s) address or a path")
        return url, None if alt is None else checks.text("alt", alt, limit=200, required=False)

    def _row(self, media_id: Any) -> Any:
        known = type(media_id) is int and 0 < media_id <= BIGGEST_ID
        row = self._session.execute(_ONE, {"id": media_id}).first() if known else None
        if row is None:
            raise NotFound("media", media_id)
        return row

    def _media(self, media_id: int) -> Media:
        return _media(self._row(media_id))

    def _order(self, ids: Sequence[int]) -> None:
        if ids:
            self._session.connection().execute(_PLACE, [{"of": each, "at": at} for at, each in enumerate(ids)])


def _media(row: Any) -> Media:
    return Media(row.id, row.kind, row.url, row.alt, row.position)
