"""The shop's files under names that change with their content."""

import gzip
import re

import pytest

from mestres_core.contrib.http import Request
from mestres_examples.pages.assets import FOLDER, Assets


@pytest.fixture(scope="module")
def assets():
    return Assets()


def _get(assets, path, method="GET", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return assets.handle(Request(method, path, headers=named))


@pytest.mark.parametrize("name", ["site.css", "app.js", "vitals.js", "img/grao.svg"])
def test_a_hashed_name_may_be_kept_for_good(assets, name):
    """Its address has the content's hash in it, with letters and digits, and says that it never changes."""
    url = assets.url(name)
    reply = _get(assets, url)

    assert re.fullmatch(r"/static/[\w/]+\.(?=\w*[a-f])(?=\w*\d)[0-9a-f]{10}\.\w+", url)
    assert (reply.status, reply.body) == (200, (FOLDER / name).read_bytes())
    assert reply.header("Cache-Control") == "public, max-age=31536000, immutable"


def test_a_plain_name_is_asked_for_again(assets):
    """It answers, and its ETag spares a second transfer."""
    first = _get(assets, "/static/site.css")
    again = _get(assets, "/static/site.css", if_none_match=first.header("ETag"))

    assert first.header("Cache-Control") == "public, no-cache"
    assert (again.status, again.body) == (304, b"")


def test_who_takes_gzip_gets_it(assets):
    """The packed file unpacks to the same, and caches are told that there are two."""
    url = assets.url("site.css")
    plain, packed = _get(assets, url), _get(assets, url, accept_encoding="br, gzip")

    assert (packed.header("Content-Encoding"), plain.header("Content-Encoding")) == ("gzip", None)
    assert gzip.decompress(packed.body) == plain.body
    assert packed.header("Vary") == plain.header("Vary") == "Accept-Encoding"


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/site.0000000000.css",
        "/static/../settings.py",
        "/static/%2e%2e/settings.py",
        "/static/sw.js",
        "/static//etc/passwd",
        "/static/img",
        "/static/..\\settings.py",
        "/static/site.css/",
    ],
)
def test_what_is_not_there_is_404(assets, path):
    """An old hash, a folder, and every way out of the folder."""
    assert _get(assets, path).status == 404


def test_head_and_other_methods(assets):
    """HEAD gives the length alone; anything else is refused."""
    url = assets.url("app.js")
    head = _get(assets, url, "HEAD")

    assert (head.status, head.body) == (200, b"")
    assert int(head.header("Content-Length")) == len(_get(assets, url).body)
    assert _get(assets, url, "POST").status == 405


def test_a_changed_file_has_another_name(tmp_path):
    """One letter more is another address, and another version of the worker."""
    for name in ("site.css", "app.js", "vitals.js", "sw.js", "img/grao.svg", "img/xicara.svg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("const FILES = '__VERSION__', KEPT = __KEPT__;")
    before = Assets(tmp_path)
    (tmp_path / "site.css").write_text("body {}")
    after = Assets(tmp_path)

    assert before.url("site.css") != after.url("site.css")
    assert before.url("app.js") == after.url("app.js")
    assert _get(before, "/sw.js").body != _get(after, "/sw.js").body


def test_the_catalogues_addresses(assets):
    """Our own become hashed ones; those of others stay."""
    assert assets.url_of("/static/img/grao.svg") == assets.url("img/grao.svg")
    assert assets.url_of("https://example.com/a.png") == "https://example.com/a.png"
