"""Proving the index, and making it anew while the shop is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from mestres_core.catalog import indexing
from mestres_core.catalog.attributes import SAVES
from mestres_core.catalog.models import category, form, product, stem, word
from mestres_core.catalog.vocabulary import form_rows, kept_stems, learn_stems, searchable
from mestres_core.db.base import PREFIX
from mestres_core.db.dialects.sql import as_dict, one_at_a_time
from mestres_core.search.dto import IndexReport

Progress = Callable[[int, int], None]
"""Told how many products are done, and of how many."""

CHUNK = 500
_SHOWN = 1000
_NEXT = select(product.c.id).where(product.c.id > bindparam("after")).order_by(product.c.id).limit(bindparam("most"))
_WORDS = select(word.c.word).where(word.c.word.in_(bindparam("words", expanding=True)))
_STEMS = select(stem.c.stem).where(stem.c.stem.in_(bindparam("stems", expanding=True)))
_FTS = f"{PREFIX}search_document"


def check(session: Session, dialect: str, progress: Progress | None = None) -> IndexReport:
    """Compare every product's index with its texts. Reads everything, in constant memory."""
    total = _count(session)
    done, found, missing = 0, [], set()
    for ids in _chunks(session):
        found += [*indexing.stale(session, ids)]
        all_texts = indexing.texts_of(session, ids).values()
        used = {each for texts in all_texts for each in searchable(texts.all())}
        missing |= used - set(session.execute(_WORDS, {"words": sorted(used)}).scalars())
        stems = kept_stems(row for texts in all_texts for row in (texts.title(), texts.body()))
        missing |= stems - set(session.execute(_STEMS, {"stems": sorted(stems)}).scalars())
        done += len(ids)
        if progress is not None:
            progress(done, total)
    return IndexReport(done, tuple(found[:_SHOWN]), tuple(sorted(missing)[:_SHOWN]), _documents_agree(session, dialect))


@dataclass(slots=True)
class Rebuild:
    """An index in the making: chunk by chunk, each in a transaction of its own, and the vocabulary at the end."""

    started: datetime
    after: int = 0
    done: int = 0
    changed: int = 0
    words: Counter[str] = field(default_factory=Counter)
    stems: set[str] = field(default_factory=set)

    def chunk(self, session: Session, dialect: str) -> bool:
        """Index the next products; False when there are none left."""
        ids = _ids_after(session, self.after)
        if not ids:
            return False
        changed = indexing.index(session, dialect, ids)
        found: Counter[str] = Counter()
        stems: set[str] = set()
        for texts in indexing.texts_of(session, ids).values():
            found.update(searchable(texts.all()))
            stems |= kept_stems((texts.title(), texts.body()))
        # Counted only now: a chunk that the database refused is done again from where it began.
        self.after, self.done = ids[-1], self.done + len(ids)
        self.changed += len(changed)
        self.words.update(found)
        self.stems |= stems
        return True

    def finish(self, session: Session, dialect: str) -> None:
        """Set how many products have each word, and drop the words that none has. Nobody saves meanwhile."""
        one_at_a_time(session, dialect, SAVES)
        counted = Counter(self.words)
        since = select(product.c.id).where(product.c.updated_at >= self.started)
        late = list(session.execute(since).scalars())
        for start in range(0, len(late), CHUNK):
            for texts in indexing.texts_of(session, late[start : start + CHUNK]).values():
                counted.update(each for each in searchable(texts.all()) if each not in self.words)
                self.stems |= kept_stems((texts.title(), texts.body()))
        _set_stems(session, dialect, self.stems)
        known = as_dict(session.execute(select(word.c.word, word.c.products)))
        gone = [{"of": each} for each in known if each not in counted]
        fresh = sorted(counted.keys() - known.keys())
        moved = [{"of": each, "now": counted[each]} for each in known if counted[each] not in (0, known[each])]
        connection = session.connection()
        if gone:
            connection.execute(delete(form).where(form.c.word == bindparam("of")), gone)
            connection.execute(delete(word).where(word.c.word == bindparam("of")), gone)
        if moved:
            counts = update(word).where(word.c.word == bindparam("of")).values(products=bindparam("now"))
            connection.execute(counts, moved)
        if fresh:
            connection.execute(insert(word), [{"word": each, "products": counted[each]} for each in fresh])
            connection.execute(insert(form), form_rows(fresh))
        if not _documents_agree(session, dialect):
            session.execute(text(f"INSERT INTO {_FTS} ({_FTS}) VALUES ('rebuild')"))  # noqa: S608 - a constant


def _set_stems(session: Session, dialect: str, used: set[str]) -> None:
    unused = [{"of": each} for each in session.execute(select(stem.c.stem)).scalars() if each not in used]
    if unused:
        session.connection().execute(delete(stem).where(stem.c.stem == bindparam("of")), unused)
    some = sorted(used)
    for start in range(0, len(some), CHUNK):
        learn_stems(session, dialect, some[start : start + CHUNK])


def reindex_below(session: Session, dialect: str, category_id: int, after: int) -> int | None:
    """Put the next products of a category and of all below it right; the number of the last one, None at the end."""
    line = select(category.c.id).where(category.c.id == category_id).cte("line", recursive=True)
    line = line.union_all(select(category.c.id).join(line, category.c.parent_id == line.c.id))
    query = _NEXT.where(product.c.category_id.in_(select(line.c.id)))
    ids = session.execute(query, {"after": after, "most": CHUNK}).scalars().all()
    indexing.index(session, dialect, ids)
    return ids[-1] if ids else None


def count(session: Session) -> int:
    """How many products there are."""
    return _count(session)


def _count(session: Session) -> int:
    return int(session.execute(select(func.count()).select_from(product)).scalar_one())


def _chunks(session: Session) -> Iterator[Sequence[int]]:
    after = 0
    while ids := _ids_after(session, after):
        yield ids
        after = ids[-1]


def _ids_after(session: Session, after: int) -> Sequence[int]:
    return session.execute(_NEXT, {"after": after, "most": CHUNK}).scalars().all()


def _documents_agree(session: Session, dialect: str) -> bool:
    """PostgreSQL generates its vectors from the row itself; SQLite's index is kept by triggers, and can be asked."""
    if dialect == "postgresql":
        return True
    try:
        query = f"INSERT INTO {_FTS} ({_FTS}, rank) VALUES ('integrity-check', 1)"  # noqa: S608 - a constant
        session.execute(text(query))
    except DBAPIError:
        return False
    return True
