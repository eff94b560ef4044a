"""Cache-Control by path and kind: said where the application says nothing, and never of what must not be kept."""

import re

import pytest

from mestres_perf import (
    Cache,
    CacheControlMiddleware,
    CacheMiddleware,
    CacheRule,
    WSGICacheControlMiddleware,
    WSGICacheMiddleware,
)
from mestres_perf.errors import ConfigurationError
from mestres_perf.http import HASHED, IMMUTABLE, NO_STORE
from perf.http.stack import FACES, Reply, Stack

FACE = pytest.mark.parametrize("face", FACES)
PUBLIC = "public, max-age=60, stale-while-revalidate=300"
RULES = (
    CacheRule(IMMUTABLE, path=HASHED),
    CacheRule(NO_STORE, path="/account*"),
    CacheRule("private, max-age=10", path="/mine/*"),
    CacheRule("no-cache", path="/static/*"),
    CacheRule("public, max-age=5", types=["application/json"]),
    CacheRule(PUBLIC, types=["text/*"]),
)


def said(face, path="/", kind="text/html; charset=utf-8", status=200, *, method="GET", asked=(), **headers):
    reply = Reply(b"x", status, [("Content-Type", kind), *((n.replace("_", "-"), v) for n, v in headers.items())])
    stack = Stack(face, reply, (CacheControlMiddleware, WSGICacheControlMiddleware, {"rules": RULES}))
    answer = stack.ask(path, asked, method)
    return [value for name, value in answer.pairs if name.lower() == "cache-control"]


@FACE
@pytest.mark.parametrize(
    ("path", "kind", "policy"),
    [
        ("/static/app.3f9c2b71d0.js", "text/javascript", IMMUTABLE),
        ("/static/app.js", "text/javascript", "no-cache"),
        ("/static/report.20240131.css", "text/css", "no-cache"),
        ("/static/defaced1.pdf", "application/pdf", "no-cache"),
        ("/account", "text/html", NO_STORE),
        ("/account/orders/1", "application/json", NO_STORE),
        ("/mine/a", "text/html", "private, max-age=10"),
        ("/api/products", "application/json", "public, max-age=5"),
        ("/", "TEXT/HTML; charset=utf-8", PUBLIC),
    ],
)
def test_the_first_rule_that_fits(face, path, kind, policy):
    """Of the rules the first counts whose path and media type fit."""
    assert said(face, path, kind) == [policy]


@FACE
def test_where_nothing_fits_nothing_is_said(face):
    """A response of no rule's kind, or to an unsafe method, is as it was."""
    assert said(face, kind="image/png") == []
    assert said(face, method="POST") == said(face, "/account", method="DELETE") == []
    assert said(face, method="HEAD") == [PUBLIC]


@FACE
@pytest.mark.parametrize("header", ["Cache-Control", "Expires", "Pragma"])
def test_the_application_has_the_last_word(face, header):
    """Where the application says how long its response may be kept nothing is added."""
    given = said(face, "/account", **{header.replace("-", "_"): "max-age=1"})
    assert given == (["max-age=1"] if header == "Cache-Control" else [])


@FACE
@pytest.mark.parametrize(
    ("pattern", "path", "others"),
    [
        ("/search?*", "/search?x", ["/searchx", "/search"]),
        ("/a[1]", "/a[1]", ["/a1"]),
        ("/a.b", "/a.b", ["/axb"]),
        ("/[!a]*", "/[!a]/x", ["/b/x"]),
        ("/a*b", "/a/\n/b", ["/a/b/c"]),
    ],
)
def test_only_a_star_is_special(face, pattern, path, others):
    """Every other sign of a path or a media type is meant as it is written."""
    layer = (CacheControlMiddleware, WSGICacheControlMiddleware, {"rules": [CacheRule(NO_STORE, path=pattern)]})
    for asked, policy in ((path, NO_STORE), *((other, None) for other in others)):
        assert Stack(face, Reply(), layer).ask(asked).headers.get("cache-control") == policy
    assert not CacheRule(NO_STORE, types=["text/[hc]*"]).fits("text/html")


@FACE
@pytest.mark.parametrize("status", [201, 302, 303, 307, 400, 404, 410, 429, 500, 503])
def test_errors_are_not_kept(face, status):
    """A missing asset is not immutable: what is no success may be forbidden to be kept, and never allowed."""
    assert said(face, "/static/app.3f9c2b71d0.js", "text/javascript", status) == []
    assert said(face, "/mine/a", status=status) == []
    assert said(face, "/account", status=status) == [NO_STORE]


@FACE
@pytest.mark.parametrize("status", [203, 204, 206, 301, 304, 308])
def test_successes_are(face, status):
    """Successes and permanent redirects may be kept as the rule says."""
    assert said(face, status=status) == [PUBLIC]


@FACE
def test_what_is_for_one_visitor_is_not_shared(face):
    """With Set-Cookie, or for a request with Authorization, a rule for all says nothing; a private one does."""
    known = [("Authorization", "Bearer x")]
    assert said(face, Set_Cookie="a=b") == said(face, asked=known) == []
    assert said(face, "/mine/a", Set_Cookie="a=b") == said(face, "/mine/a", asked=known) == ["private, max-age=10"]
    assert said(face, "/account", Set_Cookie="a=b") == [NO_STORE]


@FACE
def test_a_page_that_a_cookie_decides_is_not_shared(face):
    """To a request with a cookie, or where Vary names them, a rule for all says nothing; of an asset it always does."""
    asked = [("Cookie", "session=ana")]
    assert said(face, asked=asked) == said(face, Vary="Accept, Cookie") == []
    assert said(face, "/mine/a", asked=asked) == ["private, max-age=10"]
    assert said(face, "/static/app.3f9c2b71d0.js", "text/javascript", asked=asked) == [IMMUTABLE]
    rule = CacheRule(PUBLIC, ignore_cookies=True)
    stack = Stack(face, Reply(b"x"), (CacheControlMiddleware, WSGICacheControlMiddleware, {"rules": [rule]}))
    assert ("cache-control", PUBLIC) in [(name.lower(), value) for name, value in stack.ask("/", asked).pairs]


@FACE
def test_a_304_says_what_its_200_did_or_nothing(face):
    """A 304 without a type is not taken for one of another rule: what is stored would get that rule's policy."""

    def say(*rules):
        layer = (CacheControlMiddleware, WSGICacheControlMiddleware, {"rules": rules})
        pairs = Stack(face, Reply(b"", 304, []), layer).ask("/").pairs
        return [value for name, value in pairs if name.lower() == "cache-control"]

    year, never = CacheRule("public, max-age=31536000", types=["text/css"]), CacheRule("no-cache")
    assert say(year, never) == []
    assert say(never, year) == ["no-cache"]


@FACE
def test_the_response_cache_around_it_goes_by_it(face):
    """Within the response cache a rule decides what is stored there."""
    cache = Cache("ruled")
    layers = [
        (CacheMiddleware, WSGICacheMiddleware, {"cache": cache}),
        (CacheControlMiddleware, WSGICacheControlMiddleware, {"rules": RULES}),
    ]
    stack = Stack(face, Reply(b"x", headers=[("Content-Type", "text/html")]), *layers)
    labels = [stack.ask(path, {"Host": "shop.example"}).cache for path in ("/", "/", "/account", "/account")]
    assert labels == ["miss", "hit", None, None]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"policy": ""}, "must be a Cache-Control"),
        ({"policy": "max-age"}, "number of seconds"),
        ({"policy": "max-age=-1"}, "number of seconds"),
        ({"policy": "max-age=soon"}, "number of seconds"),
        ({"policy": "public, private"}, "not both"),
        ({"policy": "private, s-maxage=5"}, "not both"),
        ({"policy": "no-store, max-age=5"}, "nothing else"),
        ({"policy": "publik, max-age=5"}, "'publik' is no directive"),
        ({"policy": "no-store\r\nX: y"}, "must be a Cache-Control"),
        ({"policy": NO_STORE, "path": ""}, "must be a pattern"),
        ({"policy": NO_STORE, "types": "text/html"}, "media types"),
        ({"policy": NO_STORE, "types": ["html"]}, "media types"),
    ],
)
def test_rules_that_make_no_sense(options, says):
    """A rule that contradicts itself, or says what nobody knows, is refused when it is made."""
    with pytest.raises(ConfigurationError, match=re.escape(says)):
        CacheRule(**options)


@pytest.mark.parametrize("skin", [CacheControlMiddleware, WSGICacheControlMiddleware])
@pytest.mark.parametrize("rules", [(), RULES[0], ["no-store"]])
def test_arguments_that_make_no_sense(skin, rules):
    """Rules are several, and CacheRules."""
    with pytest.raises(ConfigurationError, match="must be several"):
        skin(None, rules)
