"""Security headers: there unless the application says otherwise, and on https alone where they would bind."""

import pytest

from mestres_perf import SecurityHeaders, SecurityHeadersMiddleware, WSGISecurityHeadersMiddleware
from mestres_perf.assets._nginx import nginx_conf
from mestres_perf.assets._settings import Settings as KitSettings
from mestres_perf.errors import ConfigurationError
from perf.http.stack import FACES, Reply, Stack

FACE = pytest.mark.parametrize("face", FACES)
ALWAYS = {
    "content-security-policy",
    "cross-origin-opener-policy",
    "permissions-policy",
    "referrer-policy",
    "x-content-type-options",
    "x-frame-options",
}


def ask(face, reply=Reply(), settings=None, **more):  # noqa: B008 - nobody changes it
    layer = (SecurityHeadersMiddleware, WSGISecurityHeadersMiddleware, {"settings": settings})
    return Stack(face, reply, layer).ask(**more)


@FACE
def test_what_is_sent_by_default(face):
    """All of them on every response, errors too; Strict-Transport-Security on https only."""
    for status in (200, 404, 500):
        assert ask(face, Reply(status=status)).headers.keys() == ALWAYS
    secure = ask(face, scheme="https").headers
    assert secure.keys() == {*ALWAYS, "strict-transport-security"}
    assert secure["strict-transport-security"] == "max-age=31536000"
    assert "frame-ancestors 'none'" in secure["content-security-policy"]
    assert "unsafe" not in secure["content-security-policy"]


@FACE
@pytest.mark.parametrize("name", [*sorted(ALWAYS), "Strict-Transport-Security", "X-FRAME-OPTIONS"])
def test_the_application_has_the_last_word(face, name):
    """A header that the application has set, in any case, is neither overwritten nor sent twice."""
    answer = ask(face, Reply(headers=[(name, "its own")]), scheme="https")
    assert [value for given, value in answer.pairs if given.lower() == name.lower()] == ["its own"]


@FACE
def test_a_policy_of_its_own_may_allow_frames(face):
    """Beside a policy of the application's with frame-ancestors there is no X-Frame-Options that says another thing."""
    framed = Reply(headers=[("Content-Security-Policy", "default-src 'self'; Frame-Ancestors https://a.example")])
    assert "x-frame-options" not in ask(face, framed).headers
    other = Reply(headers=[("Content-Security-Policy", "default-src 'self'")])
    assert ask(face, other).headers["x-frame-options"] == "DENY"


@FACE
def test_settings(face):
    """Each value can be another one, or not be sent."""
    settings = SecurityHeaders(content_security_policy="default-src 'none'", permissions_policy=None)
    headers = ask(face, settings=settings).headers
    assert headers["content-security-policy"] == "default-src 'none'"
    assert headers.keys() == ALWAYS - {"permissions-policy"}
    nothing = SecurityHeaders(**dict.fromkeys(SecurityHeaders.__dataclass_fields__))
    assert ask(face, settings=nothing, scheme="https").headers == {}


def test_nginx_says_the_same():
    """Where nginx.conf sets one of these headers, it has the value of the middleware's defaults."""
    text = nginx_conf(KitSettings())
    defaults = SecurityHeaders()
    assert f"add_header X-Frame-Options {defaults.frame_options} always;" in text
    assert f"add_header X-Content-Type-Options {defaults.content_type_options} always;" in text


@pytest.mark.parametrize("value", ["", " ", "a\r\nSet-Cookie: b", "é", 1, ["a"]])
def test_values_that_are_no_headers(value):
    """A value that could not be one header is refused by its name."""
    with pytest.raises(ConfigurationError, match="referrer_policy="):
        SecurityHeaders(referrer_policy=value)


@pytest.mark.parametrize("skin", [SecurityHeadersMiddleware, WSGISecurityHeadersMiddleware])
def test_arguments_that_make_no_sense(skin):
    """Settings are SecurityHeaders."""
    with pytest.raises(ConfigurationError, match="must be SecurityHeaders"):
        skin(None, settings={"frame_options": "DENY"})
