"""Caches that follow commits, on both databases."""

import asyncio
import threading

import pytest
from sqlalchemy import ForeignKey, create_engine, delete, insert, select, update
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from mestres_perf import MISS, Cache
from mestres_perf.contrib.sqlalchemy_cache import invalidate_on_commit
from mestres_perf.errors import ConfigurationError


class Base(DeclarativeBase):
    pass


class Category(Base):
    __tablename__ = "category"
    id: Mapped[int] = mapped_column(primary_key=True)


class Product(Base):
    __tablename__ = "product"
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[int]
    category_id: Mapped[int] = mapped_column(ForeignKey("category.id"))


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


def test_async_sessions(postgres_database):
    """The same for sessions of an async_sessionmaker."""

    async def main():
        engine = create_async_engine(postgres_database)
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
