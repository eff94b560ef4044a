"""The words of the catalogue: what a mistyped one may have meant.

Invariant: every word of four letters or more that a saved product has is there, with all its forms, in the transaction
that saves the product. Words are never taken out: an old one can still be meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, bindparam, func, insert, select, text
from sqlalchemy.orm import Session

from mestres_core.catalog.models import LONGEST_STEM, LONGEST_WORD, form, word
from mestres_core.catalog.models import stem as kept_stem
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.rules.portuguese import stem
from mestres_core.rules.text import words
from mestres_core.rules.typos import SHORTEST, asked_forms, distance, kept_forms, likeness

_KNOWN = select(word.c.word).where(word.c.word.in_(bindparam("words", expanding=True)))
_KEPT = select(form.c.form).where(form.c.form.in_(bindparam("forms", expanding=True))).distinct()
_NEAR = select(word.c.word, word.c.products).where(
    word.c.word.in_(select(form.c.word).where(form.c.form.in_(bindparam("forms", expanding=True))))
)


_STEMS = select(kept_stem.c.stem).where(kept_stem.c.stem.in_(bindparam("stems", expanding=True)))
_HAVE = (
    select(form.c.form, func.sum(word.c.products))
    .select_from(form.join(word, word.c.word == form.c.word))
    .where(form.c.form.in_(bindparam("forms", expanding=True)))
    .group_by(form.c.form)
)
_HAS_TRIGRAMS = text("SELECT to_regprocedure('similarity(text,text)') IS NOT NULL")
_SIMILARITY: ColumnElement[float] = func.similarity(word.c.word, bindparam("typed"))
_ALIKE = (
    select(word.c.word)
    .where(bindparam("least") <= _SIMILARITY)
    .order_by(_SIMILARITY.desc(), word.c.products.desc(), word.c.word)
    .limit(bindparam("most"))
)
_LEAST_ALIKE = 0.5


def learn(session: Session, dialect: str, texts: Iterable[str]) -> None:
    """Take in the words of new products, each product's texts as one."""
    counted = Counter(each for text in texts for each in searchable(text))
    if not counted:
        return
    known = set(session.execute(_KNOWN, {"words": sorted(counted)}).scalars())
    fresh = sorted(counted.keys() - known)
    query = upsert(dialect, word)
    more = query.on_conflict_do_update(
        index_elements=["word"], set_={"products": word.c.products + query.excluded.products}
    )
    session.execute(more, [{"word": each, "products": counted[each]} for each in sorted(counted)])
    if fresh:
        session.execute(insert(form), form_rows(fresh))


def learn_stems(session: Session, dialect: str, rows: Iterable[str]) -> None:
    """Take in the stems of products, from their `search_title` and `search_body`."""
    used = kept_stems(rows)
    known = set(session.execute(_STEMS, {"stems": sorted(used)}).scalars()) if used else used
    if fresh := sorted(used - known):
        new = upsert(dialect, kept_stem).on_conflict_do_nothing()
        session.execute(new, [{"stem": each} for each in fresh])


def kept_stems(rows: Iterable[str]) -> set[str]:
    """The stems in these rows by which what begins so is found: others are asked for as a beginning."""
    used = {each for row in rows for each in row.split()}
    return {each[:LONGEST_STEM] for each in used if each.isalpha()}


def searchable(text: str) -> set[str]:
    """The words of a text that a mistyped one may mean."""
    return {each for each in words(text) if _is_word(each)}


def form_rows(fresh: Iterable[str]) -> list[dict[str, str]]:
    """The rows that words new to the vocabulary are found by: their forms, and the stem that they share with others."""
    return [{"form": one, "word": each} for each in fresh for one in sorted({*kept_forms(each), _stem_form(each)})]


def corrected(session: Session, query: str) -> str | None:
    """The query with each unknown word put right that is near a known one; None when nothing changes.

    A word that the catalogue has, in whatever number or gender, is never changed.
    """
    asked = words(query)
    doubtful = _unknown(session, dict.fromkeys(asked))
    meant = {each: found[0] for each in doubtful if (found := _nearest(session, each, 1))}
    return " ".join(meant.get(each, each) for each in asked) if meant else None


def spellings(session: Session, typed: str, *, limit: int) -> list[str]:
    """What one mistyped word may mean, the likeliest first; nothing for a known word."""
    return [found for each in _unknown(session, words(typed)[:1]) for found in _nearest(session, each, limit)]


def frequencies(session: Session, stems: Iterable[str]) -> dict[str, int]:
    """How many products have each of those stems, or had it; nothing of what the vocabulary does not have."""
    wanted = {_kept_as(each): each for each in stems}
    return {wanted[kept]: int(products) for kept, products in session.execute(_HAVE, {"forms": sorted(wanted)})}


def _unknown(session: Session, asked: Iterable[str]) -> list[str]:
    doubtful = [each for each in asked if _is_word(each)]
    if not doubtful:
        return []
    kept = set(session.execute(_KEPT, {"forms": sorted(map(_stem_form, doubtful))}).scalars())
    return [each for each in doubtful if _stem_form(each) not in kept]


def _nearest(session: Session, mistyped: str, limit: int) -> Sequence[str]:
    """By how far they are and how many products have them."""
    rows = session.execute(_NEAR, {"forms": sorted(asked_forms(mistyped))}).all()
    far = ((distance(mistyped, row.word), row.products, str(row.word)) for row in rows)
    likeliest = sorted((likeness(apart, often), -often, found) for apart, often, found in far if apart is not None)
    return [found for _, _, found in likeliest[:limit]] or _alike(session, mistyped, limit)


def _alike(session: Session, mistyped: str, limit: int) -> Sequence[str]:
    """Words that share most of their groups of three letters, where PostgreSQL has pg_trgm; else none.

    It is asked only about what is more than two slips away from everything: nothing else depends on an extension.
    """
    if session.get_bind().dialect.name != "postgresql" or not session.execute(_HAS_TRIGRAMS).scalar():
        return []
    return session.execute(_ALIKE, {"typed": mistyped, "least": _LEAST_ALIKE, "most": limit}).scalars().all()


def _stem_form(each: str) -> str:
    return _kept_as(stem(each))


def _kept_as(one: str) -> str:
    return f"={one}"


def _is_word(each: str) -> bool:
    return SHORTEST <= len(each) <= LONGEST_WORD and each.isalpha()
