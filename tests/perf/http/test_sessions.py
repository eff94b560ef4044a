"""Sessions on the server, in memory and in a real Redis."""

import asyncio
import re
import socket

import pytest

from mestres_perf import Caches, MemorySessions, Redis, RedisSessions, Sessions
from mestres_perf.errors import BackendUnavailable, CodecError, ConfigurationError
from mestres_perf.http._session_cookie import SessionCookie
from mestres_perf.settings import RedisSettings, SessionSettings, Settings

SECRET = "a secret of the tests"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Awaited(Sessions):
    """The calls of async code, from plain tests."""

    runner: asyncio.Runner

    def load(self, cookie):
        return self.runner.run(self.aload(cookie))

    def save(self, session, *, secure):
        return self.runner.run(self.asave(session, secure=secure))


@pytest.fixture(params=["memory", "redis"])
def store(request):
    """Each store in turn, empty."""
    if request.param == "memory":
        yield MemorySessions()
        return
    store = RedisSessions(Redis(request.getfixturevalue("redis_db"), timeout=2.0))
    yield store
    store.close()


@pytest.fixture(params=[Sessions, Awaited], ids=["blocking", "awaited"])
def opened(request, store):
    """Makes sessions in this store, as threads call them and as tasks do."""
    if request.param is Sessions:
        yield lambda **options: Sessions(store, **{"secret": SECRET, **options})
        return
    with asyncio.Runner() as runner:
        Awaited.runner = runner
        yield lambda **options: Awaited(store, **{"secret": SECRET, **options})
        runner.run(store.aclose())


@pytest.fixture
def sessions(opened):
    return opened()


def _cookie(header):
    return re.match(r"session=([^;]*);", header).group(1)


def _signed(name):
    """A cookie's value for a session of this name."""
    cookie = SessionCookie("session", [SECRET], age=None, same_site="Lax", domain=None, path="/")
    return _cookie(cookie.write(name, secure=False))


def _with(session, **values):
    session.update(values)
    return session


def _saved(sessions, **values):
    """A saved session's cookie value."""
    return _cookie(sessions.save(_with(sessions.load(""), **values), secure=False))


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


@pytest.mark.parametrize(("ttl", "age"), [(0.9, 1), (59.2, 60), (60, 60)])
def test_a_permanent_cookie_lives_as_long_as_its_session(ttl, age):
    """Its age is rounded up: an age of 0 would take the cookie back."""
    session = Sessions(MemorySessions(), secret=SECRET, ttl=ttl, permanent=True)
    assert f"; Max-Age={age};" in session.save(_with(session.load(""), a=1), secure=False)


@pytest.mark.parametrize(
    ("options", "attributes"),
    [
        ({"same_site": "Strict", "path": "/shop"}, "Path=/shop; HttpOnly; SameSite=Strict"),
        ({"domain": "shop.example"}, "Path=/; Domain=shop.example; HttpOnly; SameSite=Lax"),
        ({"same_site": "None"}, "Path=/; HttpOnly; SameSite=None; Secure"),
        ({"cookie": "__Host-s"}, "Path=/; HttpOnly; SameSite=Lax; Secure"),
        ({"cookie": "__Secure-s", "domain": "a.b"}, "Path=/; Domain=a.b; HttpOnly; SameSite=Lax; Secure"),
    ],
)
def test_how_open_the_cookie_is(options, attributes):
    """Site, domain and path are as chosen, when it is taken back too, and it is Secure where browsers insist on it."""
    sessions = Sessions(MemorySessions(), secret=SECRET, **options)
    session = _with(sessions.load(""), a=1)
    value, _, given = sessions.save(session, secure=False).partition("; ")
    assert given == attributes
    session.destroy()
    back = sessions.save(session, secure=False)
    assert back.replace(" Max-Age=0;", "") == f"{value.partition('=')[0]}=; {attributes}"


def test_a_cookie_opens_under_its_own_name_only(opened):
    """With one secret and one store, the cookie of one application is forged for another one."""
    shop, office = opened(cookie="session"), opened(cookie="office")
    cookie = _saved(shop, user=7)

    assert dict(shop.load(cookie)) == {"user": 7}
    assert dict(office.load(cookie)) == {}


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
    assert sessions.save(late, secure=False) is None
    assert dict(sessions.load(cookie)) == {}


@pytest.mark.scenario("E1")
def test_a_request_that_is_late_does_not_undo_a_login(sessions):
    """A request that began before a login, and ends after it, takes nobody's new cookie away, and writes nowhere."""
    cookie = _saved(sessions, cart="abc")
    late, login = sessions.load(cookie), sessions.load(cookie)
    login.rotate()
    login["user"] = 7
    new = _cookie(sessions.save(login, secure=False))

    late["seen"] = 1
    assert sessions.save(late, secure=False) is None
    assert dict(sessions.load(new)) == {"cart": "abc", "user": 7}


@pytest.mark.scenario("E1")
@pytest.mark.parametrize("options", [{"permanent": True}, {"secret": SECRET[::-1], "old_secrets": [SECRET]}])
def test_a_request_that_only_reads_does_not_undo_a_login(opened, options):
    """Where the cookie is to be sent without a change, it is not sent when its session has ended meanwhile."""
    cookie = _saved(opened(), cart="abc")
    sessions = opened(**options)
    late, early, login = (sessions.load(cookie) for _ in range(3))
    assert _cookie(sessions.save(early, secure=False)).partition(".")[0] == cookie.partition(".")[0]

    login.rotate()
    login["user"] = 7
    new = _cookie(sessions.save(login, secure=False))
    assert sessions.save(late, secure=False) is None
    assert dict(sessions.load(new)) == {"cart": "abc", "user": 7}


@pytest.mark.scenario("E1")
def test_a_login_loses_nothing_of_requests_beside_it(sessions):
    """What others have written and taken out under the old name, until the moment of the rotation, goes with it."""
    cookie = _saved(sessions, cart="abc", seen=1, old=1)
    login, other = sessions.load(cookie), sessions.load(cookie)
    other["wish"] = "mug"
    del other["old"]
    sessions.save(other, secure=False)
    login.rotate()
    login.rotate()
    login["user"] = 7
    del login["seen"]
    new = _cookie(sessions.save(login, secure=False))

    assert dict(sessions.load(new)) == {"cart": "abc", "wish": "mug", "user": 7}
    assert dict(sessions.load(cookie)) == {}


@pytest.mark.scenario("E1")
def test_a_rotation_brings_nothing_back(sessions):
    """A request that rotates after a logout, or after another one has rotated, writes nothing and tells nothing."""
    cookie = _saved(sessions, user=7)
    late, login, logout = (sessions.load(cookie) for _ in range(3))
    login.rotate()
    moved = _cookie(sessions.save(login, secure=False))
    late.rotate()
    late["more"] = 1
    assert sessions.save(late, secure=False) is None
    assert dict(sessions.load(moved)) == {"user": 7}

    late, logout = sessions.load(moved), sessions.load(moved)
    logout.destroy()
    sessions.save(logout, secure=False)
    late.rotate()
    assert sessions.save(late, secure=False) is None
    assert dict(sessions.load(_signed(late.id))) == {}


@pytest.mark.scenario("E1")
def test_a_rotation_may_be_sent_twice(store):
    """When nobody knows whether a rotation was heard, it is sent again and finds what it has done."""
    store.save("old", {"a": "1", "b": "2"}, (), 60, new=True)
    for _ in range(2):
        assert store.save("moved", {"user": "7"}, ("b",), 60, new=False, moved_from="old")
    assert store.load("moved", 60, renew_below=0) == {"a": "1", "user": "7"}
    assert store.load("old", 60, renew_below=0) is None


@pytest.mark.scenario("E1")
def test_a_logout_ends_a_rotation_whose_answer_was_lost(sessions, store):
    """Who rotates, is not told what came of it, and logs out, leaves nothing under either name."""
    cookie = _saved(sessions, user=7)
    session = sessions.load(cookie)
    session.rotate()
    store.save(session.id, {}, (), 60, new=False, moved_from=cookie.partition(".")[0])  # heard, but not answered
    session.destroy()
    assert "Max-Age=0" in sessions.save(session, secure=False)
    assert store.load(session.id, 60, renew_below=0) is None


@pytest.mark.scenario("E1")
def test_requests_side_by_side_lose_no_names(sessions):
    """Of requests that read one session and change each another name every change is there; removals too."""
    cookie = _saved(sessions, cart="abc", old=1, n=0)
    several = [sessions.load(cookie) for _ in range(5)]
    for number, session in enumerate(several[:3]):
        session[f"name{number}"] = [number]
    several[3].pop("old")
    several[4]["n"] = 1
    for session in several:
        sessions.save(session, secure=False)

    assert dict(sessions.load(cookie)) == {"cart": "abc", "n": 1, "name0": [0], "name1": [1], "name2": [2]}


@pytest.mark.scenario("E1")
def test_a_session_that_becomes_empty_is_still_there(sessions):
    """Taking the last value out leaves a session of the same name, which can be written again."""
    cookie = _saved(sessions, a=1)
    session = sessions.load(cookie)
    del session["a"]
    sessions.save(session, secure=False)
    session = sessions.load(cookie)
    assert (dict(session), session.new) == ({}, False)
    session["b"] = 2
    assert sessions.save(session, secure=False) is None
    assert dict(sessions.load(cookie)) == {"b": 2}


@pytest.mark.scenario("E1")
def test_secrets_can_be_changed(store):
    """A cookie signed with the old secret is taken and signed anew; when the old one is gone it opens nothing."""
    new = "another secret of the tests"
    cookie = _saved(Sessions(store, secret=SECRET), a=1)
    both = Sessions(store, secret=new, old_secrets=[SECRET])
    session = both.load(cookie)
    assert session["a"] == 1
    signed = _cookie(both.save(session, secure=False))

    only = Sessions(store, secret=new)
    assert dict(only.load(signed)) == {"a": 1}
    assert both.save(both.load(signed), secure=False) is None
    assert dict(only.load(cookie)) == {}


@pytest.mark.scenario("E1")
def test_most_requests_write_nothing(redis_db):
    """Reading leaves a session's time as it is while most of it is left, and begins it anew afterwards."""
    import redis

    store = RedisSessions(Redis(redis_db, timeout=2.0))
    sessions = Sessions(store, secret=SECRET, ttl=1800)
    cookie = _saved(sessions, a=1)
    with redis.Redis.from_url(redis_db) as client:
        (key,) = client.scan_iter()
        client.expire(key, 1760)
        sessions.load(cookie)
        assert client.ttl(key) <= 1760
        client.expire(key, 1730)
        sessions.load(cookie)
        assert client.ttl(key) > 1760
        assert client.hgetall(key) == {b"v": b"1", b".a": b"1"}
    store.close()


@pytest.mark.scenario("E1")
def test_a_session_is_bounded(opened):
    """More JSON than `max_bytes` is refused when it is saved, and what was there stays."""
    sessions = opened(max_bytes=20)
    cookie = _saved(sessions, a="x" * 10)
    session = sessions.load(cookie)
    session["b"] = "y" * 10
    with pytest.raises(CodecError, match="20 bytes"):
        sessions.save(session, secure=False)
    assert dict(sessions.load(cookie)) == {"a": "x" * 10}


@pytest.mark.scenario("E1")
def test_a_session_that_is_full_can_be_used(opened):
    """Two requests that together make it too large hold nobody up: it can be read, and become less, but not more."""
    sessions = opened(max_bytes=30, permanent=True)
    cookie = _saved(sessions, n=1)
    one, other = sessions.load(cookie), sessions.load(cookie)
    sessions.save(_with(one, a="x" * 20), secure=False)
    sessions.save(_with(other, b="y" * 20), secure=False)

    assert sessions.save(sessions.load(cookie), secure=False)
    with pytest.raises(CodecError, match="30 bytes"):
        sessions.save(_with(sessions.load(cookie), n=1000), secure=False)
    full = sessions.load(cookie)
    del full["n"]
    sessions.save(full, secure=False)
    assert dict(sessions.load(cookie)) == {"a": "x" * 20, "b": "y" * 20}


@pytest.mark.parametrize("broken", ["{broken", "[" * 100_000, "9" * 5000, b"\xff"])
def test_what_is_no_json_is_a_new_session(redis_db, broken):
    """Texts that this program has not written are no reason to refuse a visitor: he begins anew under another name."""
    import redis

    store = RedisSessions(Redis(redis_db, timeout=2.0))
    sessions = Sessions(store, secret=SECRET)
    cookie = _saved(sessions, a=1)
    with redis.Redis.from_url(redis_db) as client:
        (key,) = client.scan_iter()
        client.hset(key, ".a", broken)
    session = sessions.load(cookie)
    store.close()

    assert (dict(session), session.new, session.lost) == ({}, True, False)
    assert session.id != cookie.partition(".")[0]


def test_a_redis_that_hangs_does_not_hold_the_loop():
    """While a task waits for its session the loop serves others: here the very server that it waits for."""
    heard = []

    async def hang_up(reader, writer):
        heard.append(await reader.read(1))
        writer.close()

    async def main():
        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        address = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        store = RedisSessions(Redis(address, timeout=20.0))
        session = await Sessions(store, secret=SECRET).aload(_signed("somebody"))
        await store.aclose()
        server.close()
        return session

    assert asyncio.run(main()).lost
    assert heard


@pytest.mark.parametrize("name", ["", "v", ".", "é", "a b", "\ud800"])
def test_any_name(sessions, name):
    """Whatever text a name is, its value comes back under it."""
    assert dict(sessions.load(_saved(sessions, **{name: 1}))) == {name: 1}


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


def test_async_code_gives_back_what_it_took(redis_db):
    """Closing caches in a loop closes the connection that sessions had there; their cookie is as was chosen."""
    settings = Settings(redis=RedisSettings(url=redis_db, timeout=2.0), session=SessionSettings(secret=SECRET))

    async def main():
        caches = Caches(settings=settings)
        sessions = caches.sessions(cookie="s", same_site="Strict", domain="shop.example", path="/a")
        header = await sessions.asave(_with(await sessions.aload(""), a=1), secure=False)
        client = caches._store._redis
        assert len(client._awaiting) == 1
        await caches.aclose()
        assert not client._awaiting
        return header

    assert asyncio.run(main()).endswith("; Path=/a; Domain=shop.example; HttpOnly; SameSite=Strict")


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
        cookie = _signed("somebody")
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


@pytest.mark.scenario("E1")
def test_a_redis_that_is_away_can_refuse():
    """With when_down="refuse" reading a session raises; who has none is not held up."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        store = RedisSessions(Redis(f"redis://127.0.0.1:{held.getsockname()[1]}/0"))
        sessions = Sessions(store, secret=SECRET, when_down="refuse")
        with pytest.raises(BackendUnavailable):
            sessions.load(_signed("somebody"))
        assert sessions.load("").new


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), b"x"])
def test_what_is_not_json_is_refused(sessions, value):
    """A value that JSON has no words for is refused when it is saved."""
    session = sessions.load("")
    session["a"] = value
    with pytest.raises(CodecError, match="JSON"):
        sessions.save(session, secure=False)


def test_a_name_that_is_no_text_is_refused(sessions):
    """JSON has names of text only: another one would come back as something else."""
    session = sessions.load("")
    session[1] = "a"
    with pytest.raises(CodecError, match="names of text"):
        sessions.save(session, secure=False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "short"},
        {"old_secrets": ["short"]},
        {"old_secrets": SECRET},
        *({"ttl": ttl} for ttl in [0, float("nan"), float("inf"), 1e30, "60"]),
        {"cookie": "a b"},
        {"same_site": "lax"},
        {"same_site": ["Lax"]},
        {"domain": "shop.example; Secure"},
        {"domain": ""},
        {"path": "shop"},
        {"path": "/; Domain=evil.example"},
        {"cookie": "__Host-session", "domain": "shop.example"},
        {"cookie": "__Host-session", "path": "/shop"},
        {"max_bytes": 0},
        {"when_down": "panic"},
    ],
)
def test_wrong_settings_are_refused(wrong):
    """A short secret, a time that no store can keep, and what browsers would not take are refused."""
    with pytest.raises(ConfigurationError):
        Sessions(MemorySessions(), **{"secret": SECRET, **wrong})


def test_the_repr_tells_nothing(sessions):
    """Neither the name that opens a session nor its values end up in a log."""
    session = sessions.load("")
    session["document"] = "529.982.247-25"

    assert session.id not in repr(session)
    assert "529" not in repr(session)
