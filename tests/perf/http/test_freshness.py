"""What HTTP says about keeping responses, rule by rule, and with headers that no sane program would send."""

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mestres_perf.http._freshness import (
    CONTENT,
    LONGEST,
    Defaults,
    Terms,
    Wish,
    combined,
    delta,
    directives,
    end_to_end,
    freshened,
    moment,
    not_modified,
    selecting,
    terms,
    varies,
    wish,
    without_body,
)

NOW = 1_800_000_000.0
NONE = Defaults()


def stored(status=200, *, authorized=False, defaults=NONE, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return terms(status, named, authorized=authorized, now=NOW, defaults=defaults)


@pytest.mark.parametrize(
    ("headers", "fresh"),
    [
        ({"cache_control": "max-age=60"}, 60),
        ({"cache_control": "s-maxage=5, max-age=60"}, 5),
        ({"cache_control": "max-age=60", "expires": formatdate(NOW + 5, usegmt=True)}, 60),
        ({"expires": formatdate(NOW + 30, usegmt=True)}, 30),
        ({"expires": formatdate(NOW + 30, usegmt=True), "date": formatdate(NOW, usegmt=True)}, 30),
        ({"cache_control": 'max-age="60"'}, 60),
        ({"cache_control": "MAX-AGE=60"}, 60),
        ({"cache_control": "max-age=60, max-age=10"}, 10),
        ({"cache_control": 'community="no-store", max-age=7'}, 7),
        ({"cache_control": "max-age=99999999999999999999"}, LONGEST),
    ],
)
def test_how_long_it_is_fresh(headers, fresh):
    """s-maxage counts before max-age, that before Expires; of two the smaller; quotes and capitals change nothing."""
    assert stored(**headers).fresh == fresh


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cache_control": "public"},
        {"cache_control": "no-store, max-age=60"},
        {"cache_control": "private, max-age=60"},
        {"cache_control": 'private="x-own", max-age=60'},
        {"cache_control": "no-cache, max-age=60"},
        {"cache_control": "max-age=60", "set_cookie": "a=b"},
        {"cache_control": "max-age=60", "vary": "*"},
        {"cache_control": "max-age=60", "vary": "accept, *"},
        {"cache_control": "max-age=60", "content_range": "bytes 0-1/2"},
        {"cache_control": "max-age=0"},
        {"cache_control": "max-age=-1"},
        {"cache_control": "max-age=1.5"},
        {"cache_control": "max-age"},
        {"cache_control": "max-age=60", "age": "60"},
        {"cache_control": "max-age=60", "date": formatdate(NOW - 61, usegmt=True)},
        {"expires": "0"},
        {"expires": formatdate(NOW - 1, usegmt=True)},
    ],
)
def test_what_is_not_stored(headers):
    """What is private, for one client, a part, without a time or stale when it came is not stored, and it says why."""
    assert isinstance(stored(**headers), str)


@pytest.mark.parametrize(
    ("status", "is_stored"), [(200, 1), (301, 1), (302, 1), (404, 1), (206, 0), (304, 0), (500, 0)]
)
def test_which_statuses_are_stored(status, is_stored):
    """A part is never stored, nor is an error of the application."""
    assert isinstance(stored(status, cache_control="max-age=60"), Terms) == bool(is_stored)


@pytest.mark.parametrize(
    ("control", "is_stored"),
    [("max-age=60", 0), ("public, max-age=60", 1), ("s-maxage=60", 1), ("must-revalidate, max-age=60", 1)],
)
def test_authorization(control, is_stored):
    """What was asked for with Authorization is stored only when the response says that it is for others too."""
    assert isinstance(stored(authorized=True, cache_control=control), Terms) == bool(is_stored)


def test_a_time_of_the_caches_own():
    """Where nothing is said, the default counts, and only for the statuses that may be given one."""
    defaults = Defaults(ttl=9)
    assert stored(defaults=defaults).fresh == 9
    assert stored(cache_control="public", defaults=defaults).fresh == 9
    assert isinstance(stored(302, defaults=defaults), str)
    assert isinstance(stored(cache_control="max-age=0", defaults=defaults), str)


@pytest.mark.parametrize(
    ("control", "windows"),
    [
        ("max-age=1", (2, 3)),
        ("max-age=1, stale-while-revalidate=7", (7, 3)),
        ("max-age=1, stale-if-error=7", (2, 7)),
        ("max-age=1, stale-while-revalidate=7, must-revalidate", (0, 0)),
        ("max-age=1, proxy-revalidate", (0, 0)),
        ("s-maxage=1", (0, 0)),
        ("s-maxage=1, stale-while-revalidate=7", (7, 0)),
    ],
)
def test_how_stale_it_may_become(control, windows):
    """The response's own windows count before the defaults; who must revalidate has none."""
    found = stored(cache_control=control, defaults=Defaults(stale_while_revalidate=2, stale_if_error=3))
    assert (found.stale_while_revalidate, found.stale_if_error) == windows


def test_the_age_on_arrival():
    """An Age or a Date of the application's own is where the age begins."""
    assert stored(cache_control="max-age=60", age="7").age == 7
    assert stored(cache_control="max-age=60", date=formatdate(NOW - 8, usegmt=True), age="7").age == 8
    assert stored(cache_control="max-age=60", date="yesterday", age="soon").age == 0


@pytest.mark.parametrize(
    ("control", "age", "fresh", "will_do"),
    [
        ("", 5, 10, True),
        ("", 10, 10, False),
        ("no-cache", 0, 10, False),
        ("max-age=5", 5, 10, True),
        ("max-age=4", 5, 10, False),
        ("min-fresh=5", 4, 10, True),
        ("min-fresh=5", 5, 10, False),
        ("max-stale=5", 15, 10, True),
        ("max-stale=5", 16, 10, False),
        ("max-stale", 99, 10, True),
    ],
)
def test_what_a_request_accepts(control, age, fresh, will_do):
    """A request may ask for less age, for more time left, or put up with what is stale."""
    assert wish(control).accepts(age, fresh) is will_do


def test_pragma_counts_alone_only():
    """Pragma: no-cache is heard where there is no Cache-Control."""
    assert wish("", "no-cache") == Wish(no_cache=True)
    assert wish("max-age=5", "no-cache") == Wish(max_age=5)
    assert wish("") is CONTENT


@pytest.mark.parametrize(
    ("if_none_match", "if_modified_since", "headers", "has_it"),
    [
        ('"a"', "", {"etag": '"a"'}, True),
        ('W/"a"', "", {"etag": '"a"'}, True),
        ('"a"', "", {"etag": 'W/"a"'}, True),
        ('"x", "a"', "", {"etag": '"a"'}, True),
        ('"x,a", W/"y"', "", {"etag": '"a"'}, False),
        ("*", "", {}, True),
        ("a", "", {"etag": '"a"'}, False),
        ('"a"', "", {}, False),
        ('"b"', formatdate(NOW, usegmt=True), {"etag": '"a"', "last-modified": formatdate(NOW, usegmt=True)}, False),
        ("", formatdate(NOW, usegmt=True), {"last-modified": formatdate(NOW, usegmt=True)}, True),
        ("", formatdate(NOW - 1, usegmt=True), {"last-modified": formatdate(NOW, usegmt=True)}, False),
        ("", "soon", {"last-modified": formatdate(NOW, usegmt=True)}, False),
        ("", "", {"etag": '"a"'}, False),
    ],
)
def test_conditional_requests(if_none_match, if_modified_since, headers, has_it):
    """Entity tags are compared weakly, in lists and with `*`; the date counts only where there is no entity tag."""
    assert not_modified(if_none_match, if_modified_since, headers) is has_it


def test_the_headers_of_a_304():
    """It keeps what it must have and what other programs need, and nothing of the body's."""
    own = [("content-type", "text/html"), ("content-length", "5"), ("etag", '"a"'), ("last-modified", "x")]
    kept = [("vary", "accept"), ("cache-control", "max-age=1"), ("content-location", "/a"), ("x-own", "1")]
    assert without_body([*own, *kept]) == [("etag", '"a"'), *kept]


def test_a_304_freshens_what_is_stored():
    """Its headers replace those of the same name; those that describe the body stay as they are."""
    before = [("etag", '"a"'), ("content-type", "text/html"), ("cache-control", "max-age=1")]
    newer = [("Cache-Control", "max-age=9"), ("Content-Type", "text/plain"), ("Connection", "x-hop"), ("X-Hop", "1")]
    assert freshened(before, newer) == [("etag", '"a"'), ("content-type", "text/html"), ("cache-control", "max-age=9")]


def test_headers_of_one_connection():
    """What Connection names, and what is for one connection by definition, is not stored."""
    sent = [("Connection", "close, X-Own"), ("X-Own", "1"), ("Transfer-Encoding", "chunked"), ("X-Other", "2")]
    assert end_to_end(sent) == [("x-other", "2")]


@pytest.mark.parametrize(
    ("name", "one", "other", "same"),
    [
        ("accept-encoding", "gzip, deflate, br", "br,gzip;q=1.0,  deflate", True),
        ("accept-encoding", "gzip", "gzip;q=0", False),
        ("accept-encoding", "gzip, foo", "gzip", True),
        ("accept-encoding", "", "identity;q=0", False),
        ("accept-language", "pt-BR, pt;q=0.8", "pt-br,pt;q=0.8", True),
        ("accept-language", "pt, en", "en, pt", False),
        ("cookie", "a=B", "a=b", False),
    ],
)
def test_what_varies_is_normalised(name, one, other, same):
    """Values that mean the same are one variant; nothing that may mean something else is."""
    assert (selecting(name, one) == selecting(name, other)) is same


def test_vary():
    """The names in order, each once; `*` among them means that nothing is ever the same."""
    assert varies("Accept-Language,ACCEPT , accept,") == ("accept", "accept-language")
    assert varies("") == ()
    assert varies("accept, *") is None


TEXT = st.text(st.characters(min_codepoint=0, max_codepoint=255), max_size=60)
WORDS = st.sampled_from(
    ["no-store", "private", "no-cache", "public", "max-age=60", "s-maxage=9", "max-age=", "must-revalidate", 'x="a']
)
CONTROL = st.one_of(TEXT, st.lists(st.one_of(WORDS, TEXT)).map(",".join))
NAMES = st.sampled_from(
    ["Cache-Control", "cache-control", "Vary", "ETag", "Set-Cookie", "Expires", "Date", "Age", "Content-Range"]
)
HEADERS = st.lists(st.tuples(NAMES, st.one_of(CONTROL, st.sampled_from(["*", '"a"', "0", formatdate(NOW)]))))


@given(HEADERS, st.sampled_from([200, 206, 304, 404, 500]), st.booleans())
def test_no_headers_are_too_strange(headers, status, authorized):
    """Whatever an application sends, there is an answer, and what is not for others is never stored."""
    known = combined(headers)
    found = terms(status, known, authorized=authorized, now=NOW, defaults=Defaults(ttl=60))
    if isinstance(found, str):
        return
    said = [part.strip().lower() for part in known.get("cache-control", "").split(",")]
    if '"' not in known.get("cache-control", ""):
        assert not {"no-store", "private", "no-cache"} & set(said)
    assert status in {200, 404}
    assert "set-cookie" not in known
    assert "*" not in [part.strip() for part in known.get("vary", "").split(",")]
    assert not authorized or any(part.startswith(("public", "s-maxage", "must-revalidate")) for part in said)
    assert 0 <= found.age
    assert 0 < found.fresh <= LONGEST
    assert found.kept > 0


@given(st.lists(st.sampled_from(["no-store", "private", "max-age=60", "public"]), min_size=1), st.data())
def test_a_word_that_forbids_is_always_heard(words, data):
    """no-store and private forbid, wherever they stand, in any capitals and between any spaces."""
    spaces = st.sampled_from(["", " ", "\t", "  "])
    text = ",".join(
        data.draw(spaces) + data.draw(st.sampled_from([word, word.upper()])) + data.draw(spaces) for word in words
    )
    found = stored(cache_control=text, defaults=Defaults(ttl=1))
    assert isinstance(found, str) == bool({"no-store", "private"} & set(words))


@given(CONTROL, TEXT, TEXT, TEXT)
def test_no_request_is_too_strange(control, pragma, if_none_match, etag):
    """Whatever a client sends, there is an answer."""
    found = wish(control, pragma)
    assert found.max_age >= 0
    assert found.accepts(0, 1) in {True, False}
    assert not_modified(if_none_match, pragma, {"etag": etag, "last-modified": control}) in {True, False}
    varies(control)
    for name in ("accept-encoding", "accept-language", "cookie"):
        once = selecting(name, control)
        assert selecting(name, once) == once
    assert delta(control) <= LONGEST
    assert all(name == name.lower() for name in directives(control))
    found = moment(control)
    assert found is None or math.isfinite(found)
