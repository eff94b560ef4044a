"""The shop's rules in memory."""

import pytest
from sqlalchemy.orm import Session

from mestres_core import Commerce
from mestres_core.config import RandomIds
from mestres_core.db.rulebook import Rulebook, stamp_of, touch


@pytest.fixture
def engine(database_url, fill):
    fill(database_url)
    with Commerce.open(database_url) as shop:
        yield shop.engine


def test_a_chapter_is_read_once_for_each_stamp():
    """The same stamp gives what was read; another one reads again; the first one's is kept."""
    book, reads = Rulebook(), []

    def load():
        reads.append(1)
        return len(reads)

    assert [book.chapter("tax", stamp, load) for stamp in ("a", "a", "b", "a")] == [1, 1, 2, 1]
    assert book.chapter("promotions", "a", load) == 3


def test_memory_is_bounded():
    """However often the rules change, only so many chapters are kept, the last ones."""
    book = Rulebook()
    for number in range(1000):
        book.chapter("tax", str(number), lambda: "read")

    assert len(book._kept) <= 64
    assert book.chapter("tax", "999", lambda: "read again") == "read"


def test_what_is_rolled_back_leaves_no_trace(engine):
    """A stamp that was rolled back is never given again, so what was read under it is never used."""
    ids = RandomIds()
    with Session(engine) as session:
        before = stamp_of(session)
        touch(session, ids)
        dropped = stamp_of(session)
        session.rollback()
        assert stamp_of(session) == before
        session.rollback()
        touch(session, ids)
        after = stamp_of(session)
        session.commit()

    assert len({before, dropped, after}) == 3


def test_two_shops_never_share_a_stamp(engine, tmp_path):
    """Each database begins with a stamp of its own."""
    with Commerce.open(f"sqlite:///{tmp_path}/other.db") as other, Session(other.engine) as there:
        theirs = stamp_of(there)
    with Session(engine) as here:
        assert stamp_of(here) != theirs
