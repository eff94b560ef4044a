"""The words of the catalogue: what a mistyped one may have meant.

Invariant: every word of four letters or more that a saved product has is there, with all its forms, in the transaction
that saves the product. Words are never taken out: an old one can still be meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from mestres_core.catalog.models import LONGEST_WORD, form, word
from mestres_core.db.dialects.sql import insert as upsert
from mestres_core.rules.text import words
from mestres_core.rules.typos import SHORTEST, forms, one_apart

_KNOWN = select(word.c.word).where(word.c.word.in_(bindparam("words", expanding=True)))
_NEAR = (
    select(word.c.word, word.c.products)
    .where(word.c.word.in_(select(form.c.word).where(form.c.form.in_(bindparam("forms", expanding=True)))))
    .order_by(word.c.products.desc(), word.c.word)
)


def learn(session: Session, dialect: str, texts: Iterable[str]) -> None:
    """Take in the words of new products, each product's texts as one."""
    counted = Counter(each for text in texts for each in {*words(text)} if _is_word(each))
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
        session.execute(insert(form), [{"form": one, "word": each} for each in fresh for one in sorted(forms(each))])


def corrected(session: Session, query: str) -> str | None:
    """The query with each unknown word put right that is one edit away from a known one; None when nothing changes.

    A word that the catalogue has is never changed. Of several that could be meant, the most frequent one is.
    """
    asked = words(query)
    doubtful = [each for each in dict.fromkeys(asked) if _is_word(each)]
    if not doubtful:
        return None
    known = set(session.execute(_KNOWN, {"words": doubtful}).scalars())
    meant = {each: found for each in doubtful if each not in known and (found := _nearest(session, each))}
    return " ".join(meant.get(each, each) for each in asked) if meant else None


def _nearest(session: Session, mistyped: str) -> str | None:
    near = session.execute(_NEAR, {"forms": sorted(forms(mistyped))})
    return next((str(row.word) for row in near if one_apart(mistyped, row.word)), None)


def _is_word(each: str) -> bool:
    return SHORTEST <= len(each) <= LONGEST_WORD and each.isalpha()
