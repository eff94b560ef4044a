"""The response cache: one suite for both faces, in process, by a clock that stands still."""

import threading
from email.utils import formatdate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mestres_perf import MISS, Cache, CacheMiddleware, Redis, WSGICacheMiddleware
from mestres_perf.errors import ConfigurationError
from perf.http.sites import FACES, PATIENCE, Clock, Reply, Site, eventually, fresh


@pytest.fixture(params=FACES)
def face(request):
    return request.param


@pytest.fixture
def site(face):
    """Makes sites, and closes them."""
    made = []

    def make(reply, **options):
        made.append(Site(face, reply, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


def numbered(**headers):
    """Replies that tell their numbers."""
    count = iter(range(1, 1000))
    return lambda request: fresh(b"%d" % next(count), **headers)


def test_the_second_request_is_a_hit(site):
    """What is fresh is given out without the application: the same status, headers and body."""
    shop = site(fresh(X_Own="1", Content_Type="text/plain"))
    first, second = shop.get("/a?b=c"), shop.get("/a?b=c")
    assert [first.cache, second.cache] == ["miss", "hit"]
    assert (first.status, first.body) == (second.status, second.body) == (200, b"hello")
    assert (second.headers["x-own"], second.headers["content-type"]) == ("1", "text/plain")
    assert second.headers["content-length"] == "5"
    assert len(shop.asked) == 1


def test_another_url_is_another_response(site):
    """Path, query and host tell responses apart."""
    shop = site(numbered())
    bodies = [shop.get(path).body for path in ("/a", "/b", "/a?x=1", "/a?x=2")] + [
        shop.get("/a", host="b.example").body
    ]
    assert bodies == [b"1", b"2", b"3", b"4", b"5"]


def test_what_has_expired_is_asked_for_again(site):
    """A response is a miss as soon as its age is its freshness."""
    shop = site(numbered(seconds=10))
    assert shop.get().body == b"1"
    shop.clock.now += 9.9
    assert shop.get().body == b"1"
    shop.clock.now += 0.1
    assert (shop.get().body, shop.get().body) == (b"2", b"2")


PRIVATE = [
    [("Cache-Control", "max-age=60"), ("Set-Cookie", "session=1")],
    [("Cache-Control", "private, max-age=60")],
    [("Cache-Control", "no-store, max-age=60")],
    [("Cache-Control", "max-age=60"), ("Cache-Control", "no-store")],
    [("Cache-Control", "no-cache, max-age=60")],
    [],
]


@pytest.mark.scenario(61)
@pytest.mark.parametrize("headers", PRIVATE)
def test_what_is_private_is_not_stored(site, headers):
    """A response that is private, sets a cookie or says no-store reaches one client, and passes untouched."""
    shop = site(Reply(headers=headers))
    answers = [shop.get() for _ in range(3)]
    assert len(shop.asked) == 3
    assert all(sorted(answer.headers.items()) == sorted(answers[0].headers.items()) for answer in answers)
    assert {"x-cache", "age"}.isdisjoint(answers[0].headers)
    assert len(answers[0].pairs) == len(headers)


@pytest.mark.scenario(61)
@pytest.mark.parametrize(("control", "is_shared"), [("max-age=60", False), ("public, max-age=60", True)])
def test_authorization(site, control, is_shared):
    """What answers a request with Authorization is shared only when it says that it is public."""
    shop = site(Reply(headers=[("Cache-Control", control)]))
    for name in ("ana", "bia"):
        shop.get(headers={"Authorization": name})
    shop.get()
    assert len(shop.asked) == (1 if is_shared else 3)


@pytest.mark.scenario(61)
def test_what_others_have_stored_is_not_for_authorization(site):
    """A response stored for anybody is not given to a request with Authorization, unless it says that it may."""
    shop = site(numbered())
    assert [shop.get().body, shop.get(headers={"Authorization": "ana"}).body, shop.get().body] == [b"1", b"2", b"1"]


@pytest.mark.parametrize("status", [206, 500, 503])
def test_parts_and_errors_are_not_stored(site, status):
    """A part of a response is never stored, nor is an error."""
    shop = site(Reply(status=status, headers=[("Cache-Control", "max-age=60")]))
    shop.get()
    assert (shop.get().status, len(shop.asked)) == (status, 2)


def test_redirects_and_absences_are_stored(site):
    """What has no body, or none of its own, is stored like everything else."""
    for status in (204, 301, 404):
        shop = site(Reply(b"", status, [("Cache-Control", "max-age=60"), ("Location", "/b")]))
        answers = [shop.get(), shop.get()]
        assert [(each.status, each.cache, each.body) for each in answers] == [
            (status, "miss", b""),
            (status, "hit", b""),
        ]


def test_a_default_for_what_says_nothing(site):
    """default_ttl is off until it is given; then it is for responses that say nothing."""
    shop = site(Reply(), default_ttl=10)
    shop.get()
    assert shop.get().cache == "hit"
    shop.clock.now += 10
    assert shop.get().cache == "miss"


@pytest.mark.scenario(62)
def test_variants_are_kept_apart(site):
    """Two languages are two responses; the same language in other capitals is the same one."""
    shop = site(lambda request: fresh(request.headers["accept-language"].encode(), Vary="Accept-Language"))
    for asked, body, label in [
        ("pt", b"pt", "miss"),
        ("en", b"en", "miss"),
        ("pt", b"pt", "hit"),
        ("EN", b"en", "hit"),
    ]:
        answer = shop.get(headers={"Accept-Language": asked})
        assert (answer.body, answer.cache) == (body, label)


@pytest.mark.scenario(62)
def test_vary_on_everything(site):
    """`Vary: *` is never stored."""
    shop = site(fresh(Vary="*"))
    shop.get()
    shop.get()
    assert len(shop.asked) == 2


@pytest.mark.scenario(62)
def test_a_vary_that_grows(site):
    """When responses of a URL turn out to vary by more headers, none is given to whom it is not for."""

    def reply(request):
        names = ["Accept-Language"] if request.headers["accept-language"] == "pt" else ["Accept-Language", "X-Plan"]
        return fresh(
            f"{request.headers['accept-language']} {request.headers['x-plan']}".encode(), Vary=", ".join(names)
        )

    shop = site(reply)
    for _ in range(3):
        for language in ("pt", "en"):
            for plan in ("a", "b"):
                body = shop.get(headers={"Accept-Language": language, "X-Plan": plan}).body
                assert body in {f"{language} {plan}".encode(), *([b"pt a", b"pt b"] if language == "pt" else [])}
    assert shop.get(headers={"Accept-Language": "en", "X-Plan": "b"}).cache == "hit"


@pytest.mark.scenario(62)
def test_variants_are_bounded(site):
    """A client that makes up header values fills no more than `max_variants` places of a URL."""
    shop = site(fresh(Vary="X-Own"), max_variants=3)
    for number in range(10):
        shop.get(headers={"X-Own": str(number)})
    assert [shop.get(headers={"X-Own": str(number)}).cache for number in (0, 1, 2)] == ["hit"] * 3
    assert len(shop.cache.core.store) == 4  # and the names


@pytest.mark.scenario(66)
def test_a_compressed_variant_has_its_own_key(site):
    """A compressed body is given only to clients that take it, even when the application forgets to say Vary."""

    def reply(request):
        zipped = "gzip" in request.headers.get("accept-encoding", "")
        return fresh(b"zipped", Content_Encoding="gzip") if zipped else fresh(b"plain", Vary="Accept-Encoding")

    shop = site(reply)
    assert shop.get(headers={"Accept-Encoding": "gzip, br"}).body == b"zipped"
    assert shop.get().body == b"plain"
    again = shop.get(headers={"Accept-Encoding": "br;q=1.0,gzip"})
    assert (again.body, again.cache) == (b"zipped", "hit")
    assert shop.get().cache == "hit"


@pytest.mark.scenario(63)
def test_a_304_for_who_has_it(site):
    """A client with the entity tag is given a 304: the headers it must have, and no body."""
    shop = site(fresh(ETag='"v1"', Vary="Accept", Content_Type="text/html", Last_Modified=formatdate(usegmt=True)))
    shop.get()
    for sent in ('"v1"', 'W/"v1"', '"v0", "v1"', "*"):
        answer = shop.get(headers={"If-None-Match": sent})
        assert (answer.status, answer.body, answer.cache) == (304, b"", "hit")
        assert answer.headers["etag"] == '"v1"'
        assert answer.headers["cache-control"] == "max-age=60"
        assert answer.headers["vary"] == "Accept"
        assert {"content-length", "content-type", "last-modified"}.isdisjoint(answer.headers)
    assert shop.get(headers={"If-None-Match": '"v2"'}).status == 200
    assert len(shop.asked) == 1


@pytest.mark.scenario(63)
def test_an_entity_tag_of_the_caches_own(site):
    """A response without an entity tag is given a strong one, made from its body."""
    shop = site(lambda request: fresh(request.path.encode()))
    shop.get("/a")
    shop.get("/b")
    tags = [shop.get(path).headers["etag"] for path in ("/a", "/b", "/a")]
    assert tags[0] == tags[2] != tags[1]
    assert tags[0].startswith('"')
    assert shop.get("/a", {"If-None-Match": tags[0]}).status == 304
    shop.cache.clear()
    for _ in range(2):
        answer = shop.get("/a", {"If-None-Match": tags[0]})
        assert (answer.status, answer.headers["etag"], answer.body) == (304, tags[0], b"")
    assert len(shop.asked) == 3


@pytest.mark.scenario(63)
def test_a_condition_on_a_cold_cache(site):
    """A conditional request that leads asks for the whole response, stores it, and is answered with a 304."""
    shop = site(fresh(ETag='"v1"'))
    assert shop.get(headers={"If-None-Match": '"v1"'}).status == 304
    assert "if-none-match" not in shop.asked[0].headers
    assert (shop.get().body, len(shop.asked)) == (b"hello", 1)


@pytest.mark.scenario(63)
def test_a_condition_on_a_long_body(site):
    """A conditional request that leads is not kept waiting for the end of a long body: it is given the whole."""
    shop = site(fresh([b"1", b"2"]))
    answer = shop.get(headers={"If-None-Match": '"v1"'})
    assert (answer.status, answer.body) == (200, b"12")


@pytest.mark.scenario(63)
def test_a_condition_on_what_is_not_stored(site):
    """A conditional request for what cannot be shared is answered as the application would have."""
    shop = site(Reply(headers=[("ETag", '"v1"'), ("Cache-Control", "private")]))
    for _ in range(2):
        assert shop.get(headers={"If-None-Match": '"v0"'}).body == b"hello"
    assert shop.asked[1].headers["if-none-match"] == '"v0"'
    other = site(Reply(headers=[("ETag", '"v1"'), ("Cache-Control", "private")]))
    answer = other.get(headers={"If-None-Match": '"v1"'})
    assert (answer.status, answer.body) == (304, b"")


@pytest.mark.scenario(63)
def test_if_modified_since(site):
    """The date counts where there is no If-None-Match, and only there."""
    date = formatdate(1_700_000_000, usegmt=True)
    shop = site(fresh(Last_Modified=date))
    shop.get()
    assert shop.get(headers={"If-Modified-Since": date}).status == 304
    assert shop.get(headers={"If-Modified-Since": formatdate(1_600_000_000, usegmt=True)}).status == 200
    assert shop.get(headers={"If-Modified-Since": date, "If-None-Match": '"x"'}).status == 200


@pytest.mark.scenario(63)
def test_head_is_served_from_get(site):
    """HEAD has the headers of the stored response and no body; on its own it stores nothing."""
    shop = site(fresh())
    shop.get(method="HEAD")
    assert [each.method for each in shop.asked] == ["HEAD"]
    shop.get()
    answer = shop.get(method="HEAD")
    assert (answer.status, answer.body, answer.cache) == (200, b"", "hit")
    assert answer.headers["content-length"] == "5"
    assert len(shop.asked) == 2


@pytest.mark.scenario(67)
def test_age_and_date(site):
    """Age counts from when the response was made; a Date of the application's own is kept as it is."""
    date = formatdate(1_800_000_000 - 3, usegmt=True)
    shop = site(fresh(Date=date))
    assert "age" not in shop.get().headers
    shop.clock.now += 5.9
    answer = shop.get()
    assert (answer.headers["age"], answer.headers["date"]) == ("8", date)
    assert shop.get(headers={"If-None-Match": "*"}).headers["age"] == "8"


@pytest.mark.scenario(67)
def test_an_age_of_the_applications_own(site):
    """What was old when it came is older now, and there is one Age."""
    shop = site(fresh(Age="10", seconds=20))
    shop.get()
    shop.clock.now += 5
    answer = shop.get()
    assert [value for name, value in answer.pairs if name.lower() == "age"] == ["15"]
    shop.clock.now += 5
    assert shop.get().cache == "miss"


@pytest.mark.parametrize(
    ("control", "label"),
    [
        ("no-cache", None),
        ("max-age=4", None),
        ("max-age=5", "hit"),
        ("min-fresh=55", None),
        ("min-fresh=54", "hit"),
        ("no-store", None),
        ("only-if-cached", "hit"),
    ],
)
def test_what_a_request_asks_for(site, control, label):
    """no-cache, max-age and min-fresh of a request are obeyed; no-store leaves the cache out."""
    shop = site(numbered())
    shop.get()
    shop.clock.now += 5
    answer = shop.get(headers={"Cache-Control": control})
    assert answer.body == (b"1" if label == "hit" else b"2")


def test_no_cache_renews_for_everybody(site):
    """What a client has had renewed is what the others are given."""
    shop = site(numbered())
    shop.get()
    assert shop.get(headers={"Cache-Control": "no-cache"}).body == b"2"
    assert (shop.get().body, shop.get(headers={"Pragma": "no-cache"}).body) == (b"2", b"3")


def test_only_if_cached(site):
    """Who wants only what is stored is told 504 when nothing is."""
    shop = site(fresh())
    assert shop.get(headers={"Cache-Control": "only-if-cached"}).status == 504
    assert shop.asked == []


def test_a_request_without_store_stores_nothing(site):
    """no-store in the request keeps its response out."""
    shop = site(fresh())
    shop.get(headers={"Cache-Control": "no-store"})
    shop.get()
    assert len(shop.asked) == 2


@pytest.mark.scenario(66)
def test_a_stream_passes_at_once(site):
    """The first chunk is with the client before the second is made, whether it is stored or not."""
    for reply in (fresh, lambda body: Reply(body, headers=[("Content-Type", "text/event-stream")])):
        came, seen = threading.Event(), []

        def second(came=came):
            assert came.wait(PATIENCE)
            return b"2"

        def see(chunk, came=came, seen=seen):
            seen.append(chunk)
            came.set()

        shop = site(reply([b"1", second, b"3"]))
        assert shop.get(seen=see).body == b"123"
        assert [chunk for chunk in seen if chunk] == [b"1", b"2", b"3"]


@pytest.mark.scenario(66)
def test_what_is_too_long_is_not_stored(site):
    """A body of more than `max_body` bytes passes through, whole; one that announces it is not even copied."""
    for announced in ((), (("Content-Length", "8"),)):
        reply = fresh([b"1234", b"5678"])
        reply.headers += announced
        shop = site(reply, max_body=7)
        assert [shop.get().body for _ in range(2)] == [b"12345678"] * 2
        assert len(shop.asked) == 2
    shop = site(fresh([b"1234", b"567"]), max_body=7)
    assert [shop.get().body for _ in range(2)] == [b"1234567"] * 2
    assert len(shop.asked) == 1


@pytest.mark.scenario(66)
def test_ranges_are_not_broken(site):
    """A range is the application's affair, and a range that was asked for is never taken for the whole."""

    def reply(request):
        if "range" in request.headers:
            return Reply(b"h", 206, [("Cache-Control", "max-age=60"), ("Content-Range", "bytes 0-0/5")])
        return fresh()

    shop = site(reply)
    for _ in range(2):
        assert shop.get(headers={"Range": "bytes=0-0"}).status == 206
        assert shop.get().body == b"hello"
    assert len(shop.asked) == 3


def boom():
    raise RuntimeError("boom")


def test_what_is_cut_off_is_not_stored(site, face):
    """A body that ends in an error, or is not as long as it was said to be, is not stored."""
    shop = site(fresh([b"1", boom]))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="boom"):
            shop.get()
    assert len(shop.asked) == 2
    for length in ("3", "9"):
        reply = fresh([b"12", b"34"])
        reply.headers.append(("Content-Length", length))
        shop = site(reply)
        assert [shop.get().body for _ in range(2)] == [b"1234"] * 2
        assert len(shop.asked) == 2
    if face == "asgi":
        reply = fresh([b"12"])
        reply.more = True
        shop = site(reply)
        shop.get()
        shop.get()
        assert len(shop.asked) == 2


def test_a_client_that_goes_leaves_nothing(site):
    """A response whose client has gone is not stored, and the next one asks anew."""
    shop = site(lambda request: fresh([b"1", b"2", b"3"]))
    shop.get(stop=1)
    answer = shop.get()
    assert (answer.body, answer.cache, len(shop.asked)) == (b"123", "miss", 2)
    assert shop.get().cache == "hit"


class Gate:
    """A place in a reply where it stops until it is let through."""

    def __init__(self):
        self.entered = threading.Event()
        self.go = threading.Event()

    def __call__(self):
        self.entered.set()
        assert self.go.wait(PATIENCE)
        return b"!"


def waiting(shop, count):
    eventually(lambda: shop.cache.stats().waiting >= count)


def test_a_herd_asks_once(site):
    """Of many who ask at once for what nobody has, one reaches the application, and all are given its response."""
    gate = Gate()
    shop = site(lambda request: fresh([b"hello", gate]))
    first = shop.start()
    assert gate.entered.wait(PATIENCE)
    others = [shop.start() for _ in range(8)]
    waiting(shop, 8)
    gate.go.set()
    assert {each.result(PATIENCE).body for each in (first, *others)} == {b"hello!"}
    assert len(shop.asked) == 1


def test_a_herd_on_variants_asks_once_for_each(site):
    """A herd that does not know yet that responses vary asks once for each variant."""
    gate = Gate()
    shop = site(lambda request: fresh([request.headers["x-own"].encode(), gate], Vary="X-Own"))
    first = shop.start(headers={"X-Own": "a"})
    assert gate.entered.wait(PATIENCE)
    others = [shop.start(headers={"X-Own": "ab"[number % 2]}) for number in range(8)]
    waiting(shop, 8)
    gate.go.set()
    assert first.result(PATIENCE).body == b"a!"
    assert sorted(each.result(PATIENCE).body for each in others) == [b"a!"] * 4 + [b"b!"] * 4
    assert len(shop.asked) == 2


@pytest.mark.parametrize("headers", [[("Cache-Control", "private")], [("Content-Type", "text/event-stream")]])
def test_nobody_waits_for_what_cannot_be_shared(site, headers):
    """Those who waited are let go as soon as the headers say so, not when the body ends, and later ones never wait."""
    turn, gate = Gate(), Gate()

    def reply(request):
        if len(shop.asked) == 1:
            turn()
        return Reply([b"own", gate] if len(shop.asked) == 1 else b"own", headers=headers)

    shop = site(reply)
    first = shop.start()
    assert turn.entered.wait(PATIENCE)
    others = [shop.start() for _ in range(4)]
    waiting(shop, 4)
    turn.go.set()
    assert [each.result(PATIENCE).body for each in others] == [b"own"] * 4
    assert not first.done()
    assert shop.get().body == b"own"
    gate.go.set()
    assert first.result(PATIENCE).body == b"own!"
    assert len(shop.asked) == 6


def test_what_can_be_shared_again_is(site):
    """A URL that was remembered as one that cannot be shared is shared again once a response says so."""
    replies = iter([Reply(headers=[("Cache-Control", "private")]), fresh(), fresh(), fresh()])
    shop = site(lambda request: next(replies))
    for _ in range(3):
        shop.get()
    assert (shop.get().cache, len(shop.asked)) == ("hit", 3)


def test_patience_ends(site):
    """Who has waited for `patience` seconds asks the application himself."""
    gate = Gate()
    shop = site(lambda request: fresh([b"hello", gate] if len(shop.asked) == 1 else b"own"), patience=0.05)
    first = shop.start()
    assert gate.entered.wait(PATIENCE)
    assert shop.get().body == b"own"
    gate.go.set()
    assert first.result(PATIENCE).body == b"hello!"


def test_a_leader_that_goes_hands_over(site):
    """When the client whose request leads goes away, one of those who wait leads."""
    gate = Gate()
    shop = site(lambda request: fresh([b"1", gate, b"2"]))
    first = shop.start(stop=1) if shop.face == "asgi" else shop.start(stop=2)
    assert gate.entered.wait(PATIENCE)
    others = [shop.start() for _ in range(4)]
    waiting(shop, 4)
    gate.go.set()
    first.result(PATIENCE)
    assert {each.result(PATIENCE).body for each in others} == {b"1!2"}
    assert len(shop.asked) == 2


@pytest.mark.scenario(68)
def test_headers_of_proxies_have_no_say(site):
    """X-Forwarded-Host and its kin neither select a response nor find their way into another's."""
    shop = site(numbered())
    for name in ("X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "Forwarded"):
        assert shop.get(headers={name: "evil.example"}).body == b"1"
    assert shop.get(host="SHOP.example:80").body == b"1"
    assert shop.get(host="evil.example").body == b"2"


@pytest.mark.scenario(68)
def test_the_whole_query_counts(site):
    """Equal names, their order and `;` are part of the key, as an application may read any of them."""
    shop = site(numbered())
    queries = ["a=1&a=2", "a=2&a=1", "a=1;a=2", "a=1", "a=1&b=2", "b=2&a=1", "a=1%26a=2", "A=1"]
    assert [shop.get(f"/?{query}").body for query in queries] == [b"%d" % (n + 1) for n in range(len(queries))]


@pytest.mark.scenario(68)
def test_queries_by_configuration(site):
    """ignore_query leaves out what changes nothing, sort_query makes one of two orders; equal names keep theirs."""
    shop = site(numbered(), ignore_query=("utm_*", "gclid"), sort_query=True)
    for query in ("?a=1&b=2", "?b=2&a=1", "?utm_source=x&a=1&b=2&gclid=7"):
        assert shop.get(f"/{query}").body == b"1"
    assert shop.get("/?b=2&a=1;utm_x=2").body == b"2"
    assert [shop.get("/?a=1&a=2").body, shop.get("/?a=2&a=1").body] == [b"3", b"4"]


@pytest.mark.scenario(68)
def test_ways_to_write_a_path(site):
    """Encodings that mean the same are one path; what would be another path is another key."""
    shop = site(numbered())
    for path in ("/caf%C3%A9/~a", "/caf%c3%a9/~a", "/caf%c3%a9/%7Ea"):
        assert shop.get(path).body == b"1"
    assert shop.get("/caf%C3%A9//~a").body == b"2"
    assert shop.get("/a%3Fb").body == b"3"
    assert shop.get("/a?b").body == b"4"


@pytest.mark.scenario(68)
def test_a_get_with_a_body_is_left_alone(site, face):
    """What a body has made of a response is nobody else's."""
    if face == "asgi":
        shop = site(numbered())
        shop.get(headers={"Content-Length": "3"})
        assert shop.get().body == b"2"
    else:
        shop = site(numbered())
        shop.get(headers={"Transfer-Encoding": "chunked"})
        assert shop.get().body == b"2"


def test_the_hosts_that_are_none(site):
    """A Host that makes no sense, and a URL without end, pass by the cache."""
    shop = site(fresh())
    for host, path in (("a b", "/"), ("evil\r\nx: y", "/"), ("shop.example", "/" + "a" * 3000)):
        shop.get(path, host=host)
        shop.get(path, host=host)
    assert len(shop.asked) == 6


HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, blacklist_characters="\x7f"), max_size=20)
ODD_VALUES = st.one_of(
    HEADER_TEXT,
    st.sampled_from(["max-age=60", "no-store", "private", "*", '"v1"', 'W/"v1"', "gzip", "0", "bytes=0-1", "x-own"]),
)
ODD_RESPONSE = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Cache-Control",
                "Vary",
                "ETag",
                "Set-Cookie",
                "Expires",
                "Last-Modified",
                "Age",
                "Cache-Tag",
                "Connection",
            ]
        ),
        ODD_VALUES,
    ),
    max_size=5,
)
ODD_REQUEST = st.dictionaries(
    st.sampled_from(["Cache-Control", "If-None-Match", "If-Modified-Since", "Accept-Encoding", "X-Own", "Pragma"]),
    ODD_VALUES,
    max_size=4,
)


@pytest.mark.scenario(68)
def test_no_headers_break_it(site):
    """Whatever headers come from either side, a client is given the application's answer, and nobody else's secret."""
    shop = site(None)
    paths = (f"/{number}" for number in range(10**9))

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        ODD_RESPONSE,
        st.sampled_from([200, 204, 301, 304, 404, 500]),
        st.booleans(),
        st.lists(ODD_REQUEST, min_size=2, max_size=4),
    )
    def check(headers, status, is_fresh, requests):
        path, count = next(paths), len(shop.asked)
        sent = [*headers, *([("Cache-Control", "max-age=60")] if is_fresh else [])]
        shop.reply = lambda request: Reply(b"hello", status, sent)
        answers = [shop.get(path, asked) for asked in requests]
        for answer in answers:
            assert answer.status in {status, 304, 504}
            assert answer.body == (b"hello" if answer.status == status and status != 304 else answer.body)
            assert "cache-tag" not in answer.headers
        if any(name == "Set-Cookie" for name, _ in headers):
            assert len(shop.asked) - count == sum(answer.status != 504 for answer in answers)

    check()


@pytest.mark.parametrize("middleware", [CacheMiddleware, WSGICacheMiddleware])
@pytest.mark.parametrize(
    "options",
    [
        {"default_ttl": 0},
        {"max_body": 0},
        {"max_variants": 1.5},
        {"patience": -1},
        {"tag_header": ""},
        {"tags": "product"},
        {"ignore_query": (1,)},
        {"stale_if_error": "a day"},
    ],
)
def test_options_that_make_no_sense(middleware, options):
    """A wrong option is refused when the middleware is made, and the error says what would be right."""
    with pytest.raises(ConfigurationError):
        middleware(None, Cache("http"), **options)
    with pytest.raises(ConfigurationError, match=r"mestres_perf\.Cache"):
        middleware(None, MISS)


@pytest.mark.scenario(65)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "PURGE"])
@pytest.mark.parametrize(("status", "is_gone"), [(200, True), (303, True), (404, False), (500, False)])
def test_an_unsafe_method_invalidates_its_url(site, method, status, is_gone):
    """What succeeds removes all variants of its own URL, and no other; what fails removes nothing."""

    def reply(request):
        return fresh(Vary="X-Own") if request.method == "GET" else Reply(status=status)

    shop = site(reply)
    for own in "ab":
        shop.get("/a?x=1", {"X-Own": own})
    shop.get("/b")
    shop.get("/a?x=1", method=method)
    assert [shop.get("/a?x=1", {"X-Own": own}).cache for own in "ab"] == (["miss"] * 2 if is_gone else ["hit"] * 2)
    assert shop.get("/b").cache == "hit"


@pytest.mark.scenario(65)
def test_what_an_unsafe_method_speaks_of(site):
    """Location and Content-Location of the same origin are invalidated too, those of another origin are not."""
    links = iter(
        [
            ("Location", "/b"),
            ("Content-Location", "http://shop.example/b"),
            ("Location", "b"),
            ("Location", "http://other.example/b"),
            ("Location", "https://shop.example/b"),
            ("Location", "http://[bad"),
        ]
    )
    shop = site(lambda request: fresh() if request.method == "GET" else Reply(status=201, headers=[next(links)]))
    labels = []
    for _ in range(6):
        shop.get("/b")
        shop.get("/b", host="other.example")
        shop.get("/a", method="POST")
        labels.append((shop.get("/b").cache, shop.get("/b", host="other.example").cache))
    assert labels == [("miss", "hit")] * 3 + [("hit", "hit")] * 3


@pytest.mark.scenario(65)
def test_safe_methods_invalidate_nothing(site):
    """OPTIONS, HEAD and GET leave what is stored."""
    shop = site(fresh())
    shop.get()
    shop.get(method="OPTIONS")
    shop.get(method="HEAD")
    assert shop.get().cache == "hit"


def test_tags(site):
    """The tags in a response are for the cache alone; invalidating one removes all responses that have it."""
    shop = site(lambda request: fresh(Cache_Tag="product:7, catalog", Vary="X-Own"))
    for path in ("/a", "/b"):
        assert "cache-tag" not in shop.get(path).headers
        assert "cache-tag" not in shop.get(path).headers
    shop.cache.invalidate_tags("product:8")
    assert shop.get("/a").cache == "hit"
    shop.cache.invalidate_tags("product:7")
    assert [shop.get(path).cache for path in ("/a", "/b", "/a")] == ["miss", "miss", "hit"]


def test_tags_reach_no_client(site):
    """The header is taken away from what is not stored, too."""
    shop = site(lambda request: Reply(headers=[("Surrogate-Key", "a")]), tag_header="Surrogate-Key")
    answers = [shop.get(), shop.get(), shop.get(method="POST"), shop.get(method="HEAD")]
    answers.append(shop.get(headers={"Range": "bytes=0-0"}))
    assert all("surrogate-key" not in answer.headers for answer in answers)


def test_tags_by_path(site):
    """`tags` names them where the application does not."""
    shop = site(fresh(), tags=lambda path: [f"page:{path}"])
    shop.get("/a")
    shop.get("/b")
    shop.cache.invalidate_tags("page:/a")
    assert (shop.get("/a").cache, shop.get("/b").cache) == ("miss", "hit")


@pytest.mark.scenario(65)
@pytest.mark.parametrize("varies", [False, True])
@pytest.mark.parametrize("by", ["tag", "url", "path"])
@pytest.mark.parametrize("place", ["before the headers", "in the body"])
def test_no_stale_response_is_stored(site, by, place, varies):
    """What is being made while its tag or URL is invalidated is not stored, and no newcomer is given it."""
    gate = Gate()
    version = ["old"]

    def reply(request):
        if request.method == "POST":
            return Reply()
        body = version[0].encode()
        first = body == b"old"
        if first and place == "before the headers":
            gate()
        more = {"Vary": "X-Own"} if varies else {}
        return fresh([body, gate] if first and place == "in the body" else body, Cache_Tag="product:7", **more)

    shop = site(reply, tags=lambda path: [f"page:{path}"])
    first = shop.start("/a")
    assert gate.entered.wait(PATIENCE)
    version[0] = "new"
    if by == "url":
        shop.get("/a", method="POST")
    else:
        shop.cache.invalidate_tags({"tag": "product:7", "path": "page:/a"}[by])
    if by != "tag":  # until its headers have come nobody knows what tags of its own it will have
        assert shop.get("/a").body == b"new"
    gate.go.set()
    assert first.result(PATIENCE).body.startswith(b"old")
    assert [shop.get("/a").body for _ in range(3)] == [b"new"] * 3
    assert shop.get("/a").cache == "hit"


def test_who_commits_after_answering(site, face):
    """What was read between the answer to an unsafe request and the end of its work does not stay."""
    gate, version = Gate(), ["old"]

    def reply(request):
        if request.method == "POST":
            return Reply([b"done", gate])
        return fresh(version[0].encode())

    shop = site(reply)
    writing = shop.start("/a", method="POST")
    assert gate.entered.wait(PATIENCE)
    assert shop.get("/a").body == b"old"
    version[0] = "new"
    gate.go.set()
    writing.result(PATIENCE)
    assert shop.get("/a").body == b"new"


def test_tags_that_make_no_sense(site):
    """A tag that is none is left out of a header, and refused from a function, before the application is asked."""
    shop = site(fresh(Cache_Tag=" , a\x7f,,product:7"))
    shop.get()
    shop.cache.invalidate_tags("product:7")
    assert shop.get().cache == "miss"
    other = site(fresh(), tags=lambda path: [7])
    with pytest.raises(ConfigurationError, match="a tag is text"):
        other.get()
    assert other.asked == []


@pytest.mark.scenario(65)
@pytest.mark.parametrize("varies", [False, True])
def test_nobody_reads_the_past(site, varies):
    """Who asks after a change has been answered is given that change or a later one, whatever else goes on."""
    version = [0]

    def reply(request):
        if request.method == "POST":
            version[0] += 1
            return Reply(str(version[0]).encode())
        return fresh(str(version[0]).encode(), **({"Vary": "X-Own"} if varies else {}))

    shop = site(reply)
    answered, past = [0], []
    is_over = threading.Event()

    def read(own):
        while not is_over.is_set():
            at_least = answered[0]
            found = int(shop.get("/a", {"X-Own": own}).body)
            if found < at_least:
                past.append((found, at_least))

    readers = [threading.Thread(target=read, args=(own,), daemon=True) for own in "abab"]
    for reader in readers:
        reader.start()
    for _ in range(150):
        answered[0] = int(shop.get("/a", method="POST").body)
    is_over.set()
    for reader in readers:
        reader.join(PATIENCE)
    assert past == []
    assert shop.cache.stats().loads > 10


@pytest.fixture
def nodes(site, each_redis):
    """Makes two sites on one Redis, as two processes would be."""
    url, protocol = each_redis

    def make(reply, **options):
        clock = Clock()
        caches = [Cache("http", redis=Redis(url, protocol=protocol, timeout=5.0), trust=20.0) for _ in range(2)]
        return [site(reply, cache=cache, clock=clock, **options) for cache in caches]

    return make


def test_one_node_stores_and_the_other_serves(nodes):
    """Through Redis a response is the same: status, headers, bytes that are no text, and its age."""
    one, other = nodes(fresh(bytes(range(256)), X_Own="é", Vary="X-Lang"))
    one.get("/a", {"X-Lang": "pt"})
    one.clock.now += 7
    answer = other.get("/a", {"X-Lang": "pt"})
    assert (answer.cache, answer.headers["age"], answer.headers["x-own"]) == ("hit", "7", "é")
    assert answer.body == bytes(range(256))
    assert other.get("/a", {"X-Lang": "en"}).cache == "miss"
    assert one.get("/a", {"X-Lang": "en"}).cache == "hit"
    assert other.asked[0].headers["x-lang"] == "en"


@pytest.mark.scenario(65)
@pytest.mark.parametrize("varies", [False, True])
def test_an_invalidation_reaches_both_nodes(nodes, varies):
    """An unsafe request, or a tag, on one node removes what the other has in memory."""
    more = {"Vary": "X-Own"} if varies else {}
    one, other = nodes(lambda request: fresh(Cache_Tag="product:7", **more) if request.method == "GET" else Reply())
    for change in (lambda: one.get("/a", method="POST"), lambda: one.cache.invalidate_tags("product:7")):
        one.get("/a")
        assert [node.get("/a").cache for node in (one, other)] == ["hit", "hit"]
        change()
        eventually(lambda: other.get("/a").cache == "miss")
        eventually(lambda: one.get("/a").cache == "hit")  # a load that hears of the change late stores nothing


@pytest.mark.scenario(65)
@pytest.mark.parametrize("varies", [False, True])
def test_no_stale_response_across_nodes(nodes, varies):
    """What one node is making while the other invalidates its URL or tag is stored nowhere."""
    for tag in ("product:7", None):
        gate, version = Gate(), ["old"]
        more = {"Vary": "X-Own"} if varies else {}

        def reply(request, gate=gate, version=version, more=more):
            if request.method == "POST":
                return Reply()
            body = version[0].encode()
            return fresh([body, gate] if body == b"old" else body, Cache_Tag="product:7", **more)

        one, other = nodes(reply)
        one.cache.clear()
        first = one.start("/a")
        assert gate.entered.wait(PATIENCE)
        version[0] = "new"
        if tag is None:
            other.get("/a", method="POST")
        else:
            other.cache.invalidate_tags(tag)
        gate.go.set()
        assert first.result(PATIENCE).body == b"old!"
        assert [node.get("/a").body for node in (one, other, one)] == [b"new"] * 3


def test_a_herd_on_two_nodes_asks_once(nodes):
    """Across processes, too, one request reaches the application."""
    gate = Gate()
    one, other = nodes(lambda request: fresh([b"hello", gate]))
    first = one.start()
    assert gate.entered.wait(PATIENCE)
    others = [node.start() for node in (one, other) for _ in range(3)]
    waiting(one, 3)
    gate.go.set()
    assert {each.result(PATIENCE).body for each in (first, *others)} == {b"hello!"}
    assert len(one.asked) + len(other.asked) == 1


def test_a_client_that_goes_keeps_no_other_node_waiting(nodes):
    """When the client whose request leads goes away, the next one leads at once, in another process too."""
    one, other = nodes(lambda request: fresh([b"1", b"2", b"3"]))
    one.get(stop=1)
    assert (other.get().cache, one.get().cache) == ("miss", "hit")


def test_without_its_redis_it_goes_on(site):
    """When Redis is not there, responses are served, and cached in memory as far as that may be."""
    shop = site(fresh(), cache=Cache("http", redis=Redis("redis://127.0.0.1:1", timeout=0.05)))
    assert [shop.get().body for _ in range(3)] == [b"hello"] * 3


@pytest.mark.scenario(64)
def test_stale_while_revalidate(site):
    """Within its window a stale response is given out at once, and exactly one request renews it."""
    gate = Gate()
    control = [("Cache-Control", "max-age=10, stale-while-revalidate=20")]
    shop = site(lambda request: Reply([b"new", gate] if len(shop.asked) > 1 else b"old", headers=control))
    shop.get()
    shop.clock.now += 11
    answers = [shop.get() for _ in range(5)]
    assert {(each.cache, each.body, each.headers["age"]) for each in answers} == {("stale", b"old", "11")}
    assert gate.entered.wait(PATIENCE)
    assert shop.get().cache == "stale"
    gate.go.set()
    eventually(lambda: shop.get().cache == "hit")
    assert (shop.get().body, len(shop.asked)) == (b"new!", 2)
    shop.clock.now += 31
    assert shop.get().cache == "miss"


@pytest.mark.scenario(64)
def test_the_renewal_has_nothing_of_the_clients(site, face):
    """The request of a renewal is a GET for the whole, with no way to the connection of the client who began it."""
    seen = []
    shop = site(fresh(seconds=10), stale_while_revalidate=20)
    app = shop.app.app
    if face == "wsgi":

        def spy(environ, start_response):
            seen.append(environ)
            return app(environ, start_response)
    else:

        async def spy(scope, receive, send):
            seen.append({**scope, "receive": receive, "send": send})
            await app(scope, receive, send)

    shop.app.app = spy
    shop.get()
    shop.clock.now += 11
    assert shop.get(method="HEAD").cache == "stale"
    eventually(lambda: shop.get().cache == "hit")
    assert [each.method for each in shop.asked] == ["GET", "GET"]
    first, second = seen
    for name in ("wsgi.input", "receive", "send"):
        assert name not in first or first[name] is not second[name]
    assert not second.get("extensions")


@pytest.mark.scenario(64)
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_stale_if_error(site, status):
    """Within its window a stale response stands in for an error, and the application is left alone for a while."""
    shop = site(fresh(b"good", seconds=10), stale_if_error=100)
    shop.get()
    shop.reply = Reply(b"bad", status)
    shop.clock.now += 11
    answers = [shop.get() for _ in range(3)]
    assert {(each.status, each.body, each.cache) for each in answers} == {(200, b"good", "stale")}
    assert len(shop.asked) == 2
    shop.clock.now += 100
    assert (shop.get().status, shop.get().body) == (status, b"bad")


@pytest.mark.scenario(64)
def test_stale_if_exception(site):
    """The same when the application raises; without anything stale the exception goes on."""

    def reply(request):
        raise RuntimeError("boom")

    shop = site(fresh(b"good", seconds=10), stale_if_error=100)
    shop.get()
    shop.reply = reply
    shop.clock.now += 11
    assert (shop.get().body, shop.get().cache) == (b"good", "stale")
    with pytest.raises(RuntimeError, match="boom"):
        shop.get("/other")


@pytest.mark.scenario(64)
def test_who_wants_the_newest_is_told_of_errors(site):
    """A request with no-cache is not given what is stored in place of an error, and spoils nothing for others."""
    shop = site(fresh(b"good"), stale_if_error=100)
    shop.get()
    shop.reply = Reply(b"bad", 503)
    assert shop.get(headers={"Cache-Control": "no-cache"}).status == 503
    assert (shop.get().body, shop.get().cache) == (b"good", "hit")


@pytest.mark.scenario(64)
@pytest.mark.parametrize("status", [404, 403, 200])
def test_other_answers_are_no_errors(site, status):
    """What is not an error of the server is the new truth."""
    shop = site(fresh(b"good", seconds=10), stale_if_error=100)
    shop.get()
    shop.reply = Reply(b"new", status)
    shop.clock.now += 11
    assert [shop.get().body for _ in range(2)] == [b"new"] * 2


@pytest.mark.scenario(64)
@pytest.mark.parametrize("word", ["must-revalidate", "proxy-revalidate"])
def test_who_must_revalidate_is_never_stale(site, word):
    """must-revalidate and proxy-revalidate forbid to give out what is stale, whoever asks and whatever fails."""
    control = f"max-age=10, {word}, stale-while-revalidate=100, stale-if-error=100"
    shop = site(Reply(b"good", headers=[("Cache-Control", control)]))
    shop.get()
    shop.reply = Reply(b"bad", 503)
    shop.clock.now += 11
    assert shop.get().status == 503
    assert shop.get(headers={"Cache-Control": "max-stale"}).status == 503


@pytest.mark.scenario(64)
def test_max_stale(site):
    """A client may put up with what is stale as long as it is there."""
    shop = site(fresh(b"old", seconds=10), stale_if_error=100)
    shop.get()
    shop.reply = fresh(b"new")
    shop.clock.now += 15
    assert shop.get(headers={"Cache-Control": "max-stale=10"}).cache == "stale"
    assert shop.get(headers={"Cache-Control": "max-stale=4"}).body == b"new"


@pytest.mark.scenario(64)
def test_a_renewal_that_fails_is_tried_again(site):
    """While renewals fail a stale response stays what it is; they are not all tried at once."""
    shop = site(fresh(b"good", seconds=10), stale_while_revalidate=100, stale_if_error=100)
    shop.get()
    shop.reply = Reply(b"bad", 503)
    shop.clock.now += 11
    assert shop.get().cache == "stale"
    eventually(lambda: len(shop.asked) == 2 and not shop.app._responses._renewing)
    assert [shop.get().cache for _ in range(3)] == ["stale"] * 3
    assert len(shop.asked) == 2
    shop.clock.now += 2
    shop.reply = fresh(b"better")
    shop.get()
    eventually(lambda: shop.get().body == b"better")


@pytest.mark.scenario(63)
@pytest.mark.parametrize("varies", [False, True])
def test_a_stale_response_is_validated(site, varies):
    """The application is asked whether what is stored holds still; when it says so, that is fresh again."""
    more = {"Vary": "X-Own"} if varies else {}

    def reply(request):
        if request.headers.get("if-none-match") == '"v1"':
            return Reply(b"", 304, [("Cache-Control", "max-age=30"), ("ETag", '"v1"'), ("X-New", "1")])
        return fresh(seconds=10, ETag='"v1"', Cache_Tag="product:7", Content_Type="text/html", **more)

    shop = site(reply, stale_if_error=100)
    shop.get()
    shop.clock.now += 11
    answer = shop.get()
    assert (answer.status, answer.body) == (200, b"hello")
    assert (answer.headers["x-new"], answer.headers["content-type"]) == ("1", "text/html")
    shop.clock.now += 29
    answer = shop.get()
    assert (answer.cache, answer.headers["age"], len(shop.asked)) == ("hit", "29", 2)
    shop.clock.now += 1
    assert shop.get(headers={"If-None-Match": '"v1"'}).status == 304
    shop.cache.invalidate_tags("product:7")  # its tags are still those of the first response
    assert shop.get().headers.get("x-new") is None


@pytest.mark.scenario(64)
def test_what_became_private_is_not_given_out_stale(site):
    """When a renewal brings what is for one client only, what was stored before goes."""
    shop = site(fresh(b"public", seconds=10), stale_while_revalidate=100)
    shop.get()
    shop.reply = Reply(b"own", headers=[("Cache-Control", "private")])
    shop.clock.now += 11
    assert shop.get().body == b"public"
    eventually(lambda: len(shop.asked) == 2 and not shop.app._responses._renewing)
    assert shop.get().body == b"own"


@pytest.mark.scenario(64)
def test_one_renewal_on_two_nodes(nodes):
    """Across processes, too, one request renews."""
    gate = Gate()
    control = [("Cache-Control", "max-age=10, stale-while-revalidate=100")]
    one, other = nodes(
        lambda request: Reply([b"new", gate] if len(one.asked + other.asked) > 1 else b"old", headers=control)
    )
    one.get()
    assert other.get().cache == "hit"
    one.clock.now += 11
    assert [node.get().cache for node in (one, other, one, other)] == ["stale"] * 4
    assert gate.entered.wait(PATIENCE)
    eventually(lambda: not other.app._responses._renewing or not one.app._responses._renewing)
    assert other.get().body == b"old"
    gate.go.set()
    eventually(lambda: one.get().body == b"new!")
    eventually(lambda: other.get().body == b"new!")
    assert len(one.asked + other.asked) == 2
