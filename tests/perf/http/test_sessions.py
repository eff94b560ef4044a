"""Sessions on the server, in memory and in a real Redis."""

import re
import socket

import pytest

from mestres_perf import Caches, MemorySessions, Redis, RedisSessions, Sessions
from mestres_perf.errors import BackendUnavailable, CodecError, ConfigurationError
from mestres_perf.settings import RedisSettings, SessionSettings, Settings

SECRET = "a secret of the tests"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture(params=["memory", "redis"])
def store(request):
    """Each store in turn, empty."""
    if request.param == "memory":
        yield MemorySessions()
        return
    store = RedisSessions(Redis(request.getfixturevalue("redis_db"), timeout=2.0))
    yield store
    store.close()


@pytest.fixture
def sessions(store):
    return Sessions(store, secret=SECRET)


def _cookie(header):
    return re.match(r"session=([^;]*);", header).group(1)


def _saved(sessions, **values):
    """A saved session's cookie value."""
    session = sessions.load("")
    session.update(values)
    return _cookie(sessions.save(session, secure=False))


def test_what_is_saved_is_there_at_the_next_request(sessions):
    """Values come back, lists and all, and an unchanged session sets no cookie again."""
    cookie = _saved(sessions, cart="abc", seen=[1, {"a": None}])
    session = sessions.load(cookie)

    assert dict(session) == {"cart": "abc", "seen": [1, {"a": None}]}
    assert not session.new
    assert sessions.save(session, secure=False) is None


def test_a_change_deep_inside_is_saved(sessions):
    """Changing a list that is in the session is enough."""
    cookie = _saved(sessions, seen=[1])
    session = sessions.load(cookie)
    session["seen"].append(2)

    assert sessions.save(session, secure=False) is None
    assert sessions.load(cookie)["seen"] == [1, 2]


def test_who_leaves_nothing_gets_no_cookie(sessions):
    """A visitor of whom nothing is remembered is given no name."""
    assert sessions.save(sessions.load(""), secure=False) is None


@pytest.mark.parametrize("secure", [False, True])
def test_the_cookie_is_closed(sessions, secure):
    """Scripts and other sites do not get the cookie, on https nobody on the way, and it ends with the browser."""
    session = sessions.load("")
    session["a"] = 1
    header = sessions.save(session, secure=secure)

    value, *attributes = header.split("; ")
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Lax", *(["Secure"] if secure else [])]
    assert "abc" not in value
    assert len(value.partition("=")[2].partition(".")[0]) >= 22  # 128 bits and more


def test_a_permanent_cookie_says_how_long(store):
    """A permanent session's cookie has an age, and is sent anew with each request."""
    sessions = Sessions(store, secret=SECRET, ttl=60, permanent=True)
    cookie = _saved(sessions, a=1)

    assert "Max-Age=60" in sessions.save(sessions.load(cookie), secure=False)


def _forgeries(cookie):
    name, _, signature = cookie.partition(".")
    last = "A" if name[-1] != "A" else "B"
    return [
        "",
        ".",
        name,
        f"{name}.",
        f"{name[:-1]}{last}.{signature}",
        f"{name}.{signature[:-2]}xx",
        "é.é",
        f".{signature}",
    ]


def test_a_forged_cookie_is_a_new_session(sessions):
    """Without the right signature nothing is read, and the name in the cookie is not used."""
    cookie = _saved(sessions, a=1)
    for forged in _forgeries(cookie):
        session = sessions.load(forged)
        assert (dict(session), session.new) == ({}, True)
        assert session.id != cookie.partition(".")[0]
    assert dict(Sessions(sessions._store, secret="another secret of the tests").load(cookie)) == {}


def test_an_ended_session_gets_another_name(sessions, store):
    """A well-signed name of a session that is gone is not taken up again: nobody can prepare one for others."""
    cookie = _saved(sessions, a=1)
    name = cookie.partition(".")[0]
    store.drop(name)
    session = sessions.load(cookie)

    assert (dict(session), session.new) == ({}, True)
    assert session.id != name


def test_it_ends_some_time_after_its_last_request():
    """Each request begins the time anew; after a whole one without any it is gone."""
    clock = Clock()
    sessions = Sessions(MemorySessions(clock=clock), secret=SECRET, ttl=1800)
    cookie = _saved(sessions, a=1)
    for _ in range(5):
        clock.now += 1799
        assert sessions.load(cookie)["a"] == 1
    clock.now += 1800

    assert "a" not in sessions.load(cookie)


def test_in_redis_the_time_begins_anew_too(redis_db):
    """Reading a session gives it its whole time again, in Redis itself."""
    import redis

    store = RedisSessions(Redis(redis_db, timeout=2.0))
    sessions = Sessions(store, secret=SECRET, ttl=1800)
    cookie = _saved(sessions, a=1)
    with redis.Redis.from_url(redis_db) as client:
        (key,) = client.scan_iter()
        assert 1795 < client.ttl(key) <= 1800
        client.expire(key, 5)
        sessions.load(cookie)
        assert 1795 < client.ttl(key) <= 1800
    store.close()


def test_rotation_keeps_the_values_and_ends_the_old_name(sessions):
    """After a login the values are under a new name, and the old cookie opens nothing."""
    old = _saved(sessions, cart="abc")
    session = sessions.load(old)
    session.rotate()
    session["user"] = 7
    new = _cookie(sessions.save(session, secure=False))

    assert new != old
    assert dict(sessions.load(new)) == {"cart": "abc", "user": 7}
    assert dict(sessions.load(old)) == {}


def test_destroying_ends_it_everywhere(sessions):
    """After a logout the cookie is taken back, opens nothing, and a request under way cannot bring it back."""
    cookie = _saved(sessions, user=7)
    late = sessions.load(cookie)
    session = sessions.load(cookie)
    session.destroy()
    assert "Max-Age=0" in sessions.save(session, secure=False)

    late["cart"] = "x"
    assert "Max-Age=0" in sessions.save(late, secure=False)
    assert dict(sessions.load(cookie)) == {}


def test_another_process_reads_it_at_once(redis_db):
    """What one process writes, another one's next request reads: no memory is in between."""
    settings = Settings(redis=RedisSettings(url=redis_db, timeout=2.0), session=SessionSettings(secret=SECRET))
    with Caches(settings=settings) as one, Caches(settings=settings) as other:
        cookie = _saved(one.sessions(), count=0)
        for number in range(1, 50):
            here, there = (one, other) if number % 2 else (other, one)
            session = here.sessions().load(cookie)
            session["count"] = number
            here.sessions().save(session, secure=False)
            assert there.sessions().load(cookie)["count"] == number


def test_without_redis_one_process_keeps_them():
    """In memory, too, every `sessions()` of one object sees the same."""
    with Caches(settings=Settings(session=SessionSettings(secret=SECRET))) as caches:
        assert caches.sessions().load(_saved(caches.sessions(), a=1))["a"] == 1


def test_memory_is_bounded():
    """Of too many sessions the one that was not used for longest goes."""
    sessions = Sessions(MemorySessions(max_items=2), secret=SECRET)
    first, second = _saved(sessions, n=1), _saved(sessions, n=2)
    sessions.load(first)
    third = _saved(sessions, n=3)

    assert [dict(sessions.load(cookie)) for cookie in (first, second, third)] == [{"n": 1}, {}, {"n": 3}]


def test_a_redis_that_is_away_loses_nothing():
    """While Redis is away one can look around; a change is refused rather than written over what is there."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        sessions = Sessions(RedisSessions(Redis(f"redis://127.0.0.1:{held.getsockname()[1]}/0")), secret=SECRET)
        cookie = f"somebody.{sessions._sign('somebody')}"
        session = sessions.load(cookie)
        assert (dict(session), session.lost) == ({}, True)
        assert sessions.save(session, secure=False) is None
        session["a"] = 1
        with pytest.raises(BackendUnavailable):
            sessions.save(session, secure=False)
        fresh = sessions.load("")
        fresh["a"] = 1
        with pytest.raises(BackendUnavailable):
            sessions.save(fresh, secure=False)


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), b"x"])
def test_what_is_not_json_is_refused(sessions, value):
    """A value that JSON has no words for is refused when it is saved."""
    session = sessions.load("")
    session["a"] = value
    with pytest.raises(CodecError, match="JSON"):
        sessions.save(session, secure=False)


@pytest.mark.parametrize("wrong", [{"secret": "short"}, {"secret": SECRET, "ttl": 0}])
def test_wrong_settings_are_refused(wrong):
    """A short secret and a time that is none are refused."""
    with pytest.raises(ConfigurationError):
        Sessions(MemorySessions(), **wrong)


def test_the_repr_tells_nothing(sessions):
    """Neither the name that opens a session nor its values end up in a log."""
    session = sessions.load("")
    session["document"] = "529.982.247-25"

    assert session.id not in repr(session)
    assert "529" not in repr(session)
