"""Caches that follow commits, on both databases."""

import asyncio
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, ForeignKey, Table, create_engine, delete, event, insert, make_url, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, sessionmaker
from sqlalchemy.pool import NullPool

from mestres_perf import MISS, Cache
from mestres_perf.contrib.sqlalchemy_cache import invalidate_on_commit
from mestres_perf.errors import ConfigurationError
from mestres_perf.testing import MemoryRedis


class Base(DeclarativeBase):
    pass


class Category(Base):
    __tablename__ = "category"
    id: Mapped[int] = mapped_column(primary_key=True)


product_label = Table(
    "product_label",
    Base.metadata,
    Column("product_id", ForeignKey("product.id"), primary_key=True),
    Column("label_id", ForeignKey("label.id"), primary_key=True),
)


class Label(Base):
    __tablename__ = "label"
    id: Mapped[int] = mapped_column(primary_key=True)


class Product(Base):
    __tablename__ = "product"
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[int]
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))
    labels: Mapped[list[Label]] = relationship(secondary=product_label)
    notes: Mapped[list["Note"]] = relationship(cascade="all, delete-orphan")


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))


RULES = {Product: lambda row: [f"product:{row.id}", f"category:{row.category_id}"]}


class Recorder(Cache):
    """A cache that tells what it was told."""

    def __init__(self):
        super().__init__("recorder")
        self.told = []

    def invalidate_tags(self, *tags):
        self.told.append(set(tags))
        super().invalidate_tags(*tags)

    def clear(self):
        self.told.append("everything")
        super().clear()

    async def ainvalidate_tags(self, *tags):
        self.told.append(set(tags))
        await super().ainvalidate_tags(*tags)

    async def aclear(self):
        self.told.append("everything")
        await super().aclear()


@pytest.fixture
def sessions(database_url):
    engine = create_engine(database_url)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([Category(id=1), Category(id=2)])
        session.flush()
        session.add(Product(price=10, category_id=1))
    yield sessionmaker(engine)
    engine.dispose()


@pytest.fixture
def cache(sessions):
    cache = Recorder()
    stop = invalidate_on_commit(sessions, cache, rules=RULES, bulk={Product: ["catalog"]})
    yield cache
    stop()


@pytest.mark.scenario(26)
def test_what_is_committed_is_told_once(sessions, cache):
    """A commit is one invalidation: new rows with their numbers, changed ones with old and new values, deleted ones."""
    with sessions() as session:
        product = session.get(Product, 1)
        product.category_id = 2
        session.flush()
        product.price = 11
        fresh = Product(price=5, category_id=1)
        session.add(fresh)
        session.flush()
        assert cache.told == []
        session.commit()
        assert cache.told == [{"product:1", "category:1", "category:2", f"product:{fresh.id}"}]
        session.delete(fresh)
        session.commit()
    assert cache.told[1] >= {"category:1"}
    assert len(cache.told) == 2


@pytest.mark.scenario(26)
def test_what_is_rolled_back_is_not_told(sessions, cache):
    """Neither by rollback, nor by closing, nor by an error; and nothing is left for the next transaction."""
    with sessions() as session:
        session.get(Product, 1).price = 99
        session.flush()
        session.rollback()
        session.get(Category, 2)
        session.commit()
    session = sessions()
    session.get(Product, 1).price = 98
    session.flush()
    session.close()
    with pytest.raises(ZeroDivisionError), sessions.begin() as session:
        session.get(Product, 1).price = 97
        session.flush()
        raise ZeroDivisionError
    assert [told for told in cache.told if told] == []


def test_savepoints(sessions, cache):
    """A savepoint that is rolled back takes its own with it, one that is released goes with the rest."""
    with sessions() as session:
        with session.begin_nested():
            session.get(Product, 1).price = 20
        inner = session.begin_nested()
        session.add(Product(id=7, price=1, category_id=2))
        session.flush()
        inner.rollback()
        assert cache.told == []
        session.commit()
    assert cache.told == [{"product:1", "category:1"}]


def test_bulk_statements(sessions, cache):
    """A statement on a class gives the tags that were named for it; a class without such empties the caches."""
    with sessions() as session:
        session.execute(update(Product).where(Product.price > 1).values(price=2))
        session.execute(insert(Product), [{"id": 50, "price": 1, "category_id": 1}])
        session.execute(delete(Product).where(Product.id == 50))
        session.execute(update(Category).values(id=Category.id))
        session.commit()
    assert cache.told == [{"catalog"}]
    bare = Recorder()
    stop = invalidate_on_commit(sessions, bare, rules=RULES)
    with sessions.begin() as session:
        session.execute(update(Product).values(price=3))
    stop()
    with sessions.begin() as session:
        session.execute(update(Product).values(price=4))
    assert bare.told == ["everything"]


@pytest.mark.scenario(26)
def test_no_reader_keeps_the_old_value(sessions, cache):
    """A load between flush and commit reads the old row; after the commit nobody is given it."""
    flushed, loaded = threading.Event(), threading.Event()

    @cache.cached(tags=lambda number: [f"product:{number}"])
    def price(number):
        with sessions() as session:
            return session.scalar(select(Product.price).where(Product.id == number))

    def write():
        with sessions() as session:
            session.get(Product, 1).price = 77
            if session.bind.dialect.name == "postgresql":
                session.flush()  # SQLite would keep the reader out
            flushed.set()
            assert loaded.wait(20)
            session.commit()

    thread = threading.Thread(target=write)
    thread.start()
    assert flushed.wait(20)
    assert price(1) == 10
    loaded.set()
    thread.join()
    assert price.peek(1) is MISS
    assert price(1) == 77


def _async_url(database_url):
    url = make_url(database_url)
    return url.set(drivername="sqlite+aiosqlite") if url.get_backend_name() == "sqlite" else url


def test_async_sessions(database_url):
    """The same for sessions of an async_sessionmaker."""

    async def main():
        engine = create_async_engine(_async_url(database_url))
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        maker, cache = async_sessionmaker(engine), Recorder()
        invalidate_on_commit(maker, cache, rules=RULES)
        async with maker() as session:
            session.add(Category(id=1))
            await session.flush()
            session.add(Product(id=1, price=1, category_id=1))
            assert cache.told == []
            await session.commit()
        await engine.dispose()
        return cache.told

    assert asyncio.run(main()) == [{"product:1", "category:1"}]


def test_bad_targets():
    """What gives no sessions is refused, and so is a watcher without caches."""
    for target in (None, object(), int):
        with pytest.raises(ConfigurationError, match="sessionmaker"):
            invalidate_on_commit(target, Cache(), rules=RULES)
    with pytest.raises(ConfigurationError, match="which caches"):
        invalidate_on_commit(sessionmaker(), rules=RULES)


def test_a_column_that_was_set_unread(sessions, cache):
    """A value that was replaced without having been loaded is asked of the database: its tags go, too."""
    with sessions() as session:
        product = session.get(Product, 1)
        session.expire(product)
        product.category_id = 2
        session.commit()
    assert cache.told == [{"product:1", "category:1", "category:2"}]


def test_merged_expunged_and_inserted_rows(sessions, cache):
    """A merged row counts as changed, an expunged one not at all, and INSERT ... VALUES as a bulk statement."""
    with sessions() as session:
        session.merge(Product(id=1, price=5, category_id=2))
        session.commit()
        assert cache.told.pop() == {"product:1", "category:1", "category:2"}
        product = session.get(Product, 1)
        product.price = 6
        session.expunge(product)
        session.commit()
        assert cache.told == []
        session.execute(insert(Product).values([{"id": 8, "price": 1, "category_id": 1}]))
        session.commit()
    assert cache.told == [{"catalog"}]


def test_statements_on_tables(sessions, cache):
    """A statement on a table of a class counts as one on the class, and so does one on a table that connects two."""
    both = Recorder()
    stop = invalidate_on_commit(sessions, both, rules=RULES, bulk={Product: ["catalog"], Label: ["labels"]})
    with sessions() as session:
        for statement, told in (
            (Product.__table__.update().values(price=3), {"catalog"}),
            (Label.__table__.insert().values(id=1), {"labels"}),
            (product_label.insert().values(product_id=1, label_id=1), {"catalog", "labels"}),
            (product_label.delete(), {"catalog", "labels"}),
        ):
            session.execute(statement)
            session.commit()
            assert both.told.pop() == told, statement
        session.execute(Category.__table__.insert().values(id=3))
        session.execute(text("UPDATE product SET price = 4"))
        session.commit()
    stop()
    assert both.told == []


def test_both_ends_of_a_many_to_many(sessions, cache):
    """Rows at the far end of a connection that comes or goes are told, though they are not written themselves."""
    labels = Recorder()
    stop = invalidate_on_commit(sessions, labels, rules={Label: lambda row: [f"label:{row.id}"]})
    with sessions() as session:
        session.add_all([Label(id=1), Label(id=2), Label(id=3)])
        session.commit()
        labels.told.clear()
        product = session.get(Product, 1)
        product.labels = [session.get(Label, 1), session.get(Label, 2)]
        session.commit()
        assert labels.told.pop() == {"label:1", "label:2"}
        product.labels = [session.get(Label, 2), session.get(Label, 3)]
        session.commit()
        assert labels.told.pop() == {"label:1", "label:3"}
    with sessions() as session:
        session.delete(session.get(Product, 1))
        session.commit()
    stop()
    assert labels.told == [{"label:2", "label:3"}]


def test_orphans(sessions, cache):
    """A row that goes because nothing holds it any more is told, though nobody deleted it."""
    notes = Recorder()
    stop = invalidate_on_commit(sessions, notes, rules={Note: lambda row: [f"note:{row.id}", f"of:{row.product_id}"]})
    with sessions() as session:
        product = session.get(Product, 1)
        product.notes = [Note(id=1), Note(id=2)]
        session.commit()
        notes.told.clear()
        product.notes.pop(0)
        session.commit()
        assert session.get(Note, 1) is None
    stop()
    assert notes.told == [{"note:1", "of:1"}]


def test_two_phases(sessions, cache, monkeypatch):
    """A transaction that is prepared is told after its commit, and not when it is rolled back instead."""
    dialect = sessions.kw["bind"].dialect  # neither database offers two phases as it is set up here
    monkeypatch.setattr(dialect, "do_begin_twophase", lambda connection, xid: dialect.do_begin(connection.connection))
    monkeypatch.setattr(dialect, "do_prepare_twophase", lambda connection, xid: None)
    monkeypatch.setattr(
        dialect, "do_commit_twophase", lambda connection, xid, *_, **__: dialect.do_commit(connection.connection)
    )
    monkeypatch.setattr(
        dialect, "do_rollback_twophase", lambda connection, xid, *_, **__: dialect.do_rollback(connection.connection)
    )
    with sessions(twophase=True) as session:
        session.get(Product, 1).price = 44
        session.prepare()
        assert cache.told == []
        session.commit()
        assert cache.told.pop() == {"product:1", "category:1"}
        session.get(Product, 1).price = 45
        session.prepare()
        session.rollback()
        session.get(Product, 1)
        session.commit()
    assert cache.told == []


class Gated(MemoryRedis):
    """A shared layer that tasks wait for until the gate opens, and that no thread may ask."""

    def __init__(self):
        super().__init__()
        self.gate, self.asked = asyncio.Event(), asyncio.Event()

    @property
    def blocking(self):
        raise AssertionError("the loop was blocked")

    @property
    def awaiting(self):
        return self

    async def ask(self, effect):
        self.asked.set()
        await self.gate.wait()
        return super().ask(effect)


@pytest.mark.parametrize("how", ["awaited", "cancelled"])
def test_an_async_commit_does_not_block_the_loop(database_url, how):
    """While Redis is asked others work; `commit()` returns after that, and all is told also when it is cancelled."""

    async def main():
        engine = create_async_engine(_async_url(database_url))
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        redis = Gated()
        maker, cache = async_sessionmaker(engine), Cache(redis=redis, trust=3600)
        invalidate_on_commit(maker, cache, rules={Category: lambda row: [f"category:{row.id}"]})
        redis.gate.set()
        await cache.aset("k", "old", tags=["category:1"])
        redis.gate.clear()
        redis.asked.clear()
        async with maker() as session:
            session.add(Category(id=1))
            commit = asyncio.create_task(session.commit())
            await asyncio.wait_for(redis.asked.wait(), 20)  # this task goes on, and the commit waits
            assert not commit.done()
            assert cache.peek("k") == "old"
            if how == "cancelled":
                commit.cancel()
                await asyncio.wait([commit])
            redis.gate.set()
            await asyncio.wait([commit])
            for _ in range(1000):
                if cache.peek("k") is MISS:
                    break
                await asyncio.sleep(0.01)
        await engine.dispose()
        return cache.peek("k"), commit.cancelled()

    assert asyncio.run(main()) == (MISS, how == "cancelled")


# Whatever a session does

_IDS, _CATEGORIES, _LABELS = (1, 2, 3), (1, 2), (1, 2)
_ids, _categories = st.sampled_from(_IDS), st.sampled_from(_CATEGORIES)
_ACTS = st.one_of(
    st.tuples(st.just("put"), _ids, _categories),
    st.tuples(st.just("move unread"), _ids, _categories),
    st.tuples(st.just("merge"), _ids, _categories),
    st.tuples(st.just("delete"), _ids),
    st.tuples(st.just("expunge"), _ids),
    st.tuples(st.just("label"), _ids, st.sampled_from(_LABELS)),
    st.tuples(st.just("bulk"), _categories),
    st.tuples(st.just("table"), _categories),
    st.tuples(st.just("unlabel"), _ids),
    *(st.tuples(st.just(act)) for act in ("flush", "savepoint", "release", "undo", "commit", "commit", "rollback")),
)


class History:
    """What one session does, and what caches that follow it would give to readers."""

    def __init__(self, engine):
        self.engine = engine
        self.cache = Recorder()
        self.rules = {**RULES, Label: lambda row: [f"label:{row.id}"]}
        self.bulk = {Product: ["bulk"], Label: ["bulk"]}
        self.price = 0
        cached, read = self.cache.cached, self._read
        products, links = select(Product.id, Product.price), select(product_label.c.product_id)

        @cached(tags=lambda number: [f"product:{number}", "bulk"])
        def product(number):
            return read(select(Product.price, Product.category_id).where(Product.id == number))

        @cached(tags=lambda number: [f"category:{number}", "bulk"])
        def category(number):
            return read(products.where(Product.category_id == number).order_by(Product.id))

        @cached(tags=lambda number: [f"label:{number}", "bulk"])
        def label(number):
            return read(links.where(product_label.c.label_id == number).order_by(product_label.c.product_id))

        self.reads = [(product, _IDS), (category, _CATEGORIES), (label, _LABELS)]

    def _read(self, statement):
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(statement)]

    def begin(self):
        """The same rows at the beginning of each history."""
        with Session(self.engine) as session, session.begin():
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
            session.add_all([*(Category(id=each) for each in _CATEGORIES), *(Label(id=each) for each in _LABELS)])
            session.flush()
            session.add(Product(id=1, price=0, category_id=1))

    def act(self, session, act, number=0, other=0):
        """One step; what the database refuses ends the transaction."""
        self.price += 1
        try:
            self._act(session, act, number, other)
        except SQLAlchemyError:
            session.rollback()

    def _act(self, session, act, number, other):  # noqa: C901, PLR0912 - a step per line
        row = session.get(Product, number) if number else None
        if act == "put" and row is None:
            session.add(Product(id=number, price=self.price, category_id=other))
        elif act == "put" and row not in session.deleted:
            row.price, row.category_id = self.price, other
        elif act == "move unread" and row is not None and row not in session.deleted:
            session.flush()
            session.expire(row)
            row.category_id = other
        elif act == "merge":
            session.merge(Product(id=number, price=self.price, category_id=other))
        elif act == "delete" and row is not None:
            session.delete(row)
        elif act == "expunge" and row is not None:
            session.expunge(row)
        elif act == "label" and row is not None and row not in session.deleted:
            label = session.get(Label, other)
            row.labels.remove(label) if label in row.labels else row.labels.append(label)
        elif act == "bulk":
            session.execute(update(Product).where(Product.category_id == number).values(price=self.price))
        elif act == "table":
            session.execute(Product.__table__.update().values(category_id=number))
        elif act == "unlabel":
            session.execute(product_label.delete().where(product_label.c.product_id == number))
        elif act == "flush":
            session.flush()
        elif act == "savepoint":
            session.begin_nested()
        elif act in ("release", "undo") and session.in_nested_transaction():
            nested = session.get_nested_transaction()
            nested.commit() if act == "release" else nested.rollback()

    def check(self):
        """Every reader is given what the database has."""
        for function, numbers in self.reads:
            for number in numbers:
                assert function(number) == function.uncached(number), (function.__name__, number)


def _engine(url):
    """With an SQLite whose savepoints are those of the database: the driver begins no transaction by itself."""
    engine = create_engine(url, poolclass=NullPool)
    _begin_by_hand(engine)
    return engine


def _begin_by_hand(engine):
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))


_HISTORIES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@_HISTORIES
@given(acts=st.lists(_ACTS, max_size=14))
def test_any_history_of_a_session(database_url, acts):
    """After each commit readers are given what the database has; before it, and after a rollback, nothing was told."""
    engine = _engine(database_url)
    Base.metadata.create_all(engine)
    history = History(engine)
    history.begin()
    history.check()
    sessions = sessionmaker(engine)
    stop = invalidate_on_commit(sessions, history.cache, rules=history.rules, bulk=history.bulk)
    try:
        with sessions() as session:
            for act in (*acts, ("commit",)):
                if act == ("commit",):
                    try:
                        session.commit()
                    except SQLAlchemyError:
                        session.rollback()
                    history.check()
                    history.cache.told.clear()
                elif act == ("rollback",):
                    session.rollback()
                    history.check()
                else:
                    history.act(session, *act)
                assert history.cache.told == []
    finally:
        stop()
        engine.dispose()


@settings(_HISTORIES, max_examples=8)
@given(acts=st.lists(_ACTS, max_size=14))
def test_any_history_of_an_async_session(database_url, acts):
    """The same for an async session."""
    engine = _engine(database_url)
    Base.metadata.create_all(engine)
    history = History(engine)
    history.begin()
    history.check()

    async def main():
        later = create_async_engine(_async_url(database_url), poolclass=NullPool)
        _begin_by_hand(later.sync_engine)
        maker = async_sessionmaker(later)
        stop = invalidate_on_commit(maker, history.cache, rules=history.rules, bulk=history.bulk)
        async with maker() as session:
            for act in (*acts, ("commit",)):
                if act == ("commit",):
                    try:
                        await session.commit()
                    except SQLAlchemyError:
                        await session.rollback()
                    history.check()
                    history.cache.told.clear()
                elif act == ("rollback",):
                    await session.rollback()
                    history.check()
                else:
                    await session.run_sync(lambda plain, act=act: history.act(plain, *act))
                assert history.cache.told == []
        stop()
        await later.dispose()

    asyncio.run(main())
    engine.dispose()
