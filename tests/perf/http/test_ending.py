"""The end of a WSGI response is told once, as soon as it is certain, whatever the server and the application do."""

import pytest

from mestres_perf.http._ending import Ending

ENVIRON = {"REQUEST_METHOD": "GET", "PATH_INFO": "/"}


class Body:
    """Two chunks, or one and an error; `closed` counts."""

    def __init__(self, error=None):
        self.closed = 0
        self._error = error

    def __iter__(self):
        yield b"a"
        if self._error is not None:
            raise self._error
        yield b"b"

    def close(self):
        self.closed += 1


class Sized(Body):
    """The same, with a length."""

    def __len__(self):
        return 2


@pytest.fixture
def told():
    return []


def ending(told, body):
    return Ending(ENVIRON, lambda: told.append("end"), told.append).of(lambda: body)


KIND = pytest.mark.parametrize("kind", [Body, Sized])


@KIND
def test_read_to_its_end(told, kind):
    """A body that was read is over, though nobody closes it; closing it afterwards tells nothing more."""
    body = kind()
    watched = ending(told, body)
    assert list(watched) == [b"a", b"b"]
    assert told == [b"a", b"b", None, "end"]
    watched.close()
    watched.close()
    assert told == [b"a", b"b", None, "end"]
    assert body.closed == 1


@KIND
@pytest.mark.parametrize("taken", [0, 1])
def test_closed_before(told, kind, taken):
    """A body that is closed before its end is over with that."""
    watched = ending(told, kind())
    chunks = iter(watched)
    for _ in range(taken):
        next(chunks)
    assert "end" not in told
    watched.close()
    watched.close()
    assert told == [*[b"a"][:taken], "end"]


@KIND
def test_broken_off(told, kind):
    """A body that raises is over, and what it has raised is told; closing it afterwards tells nothing more."""
    error = RuntimeError("boom")
    watched = ending(told, kind(error))
    with pytest.raises(RuntimeError, match="boom"):
        list(watched)
    assert told == [b"a", error, "end"]
    watched.close()
    assert told == [b"a", error, "end"]


@KIND
def test_a_close_that_raises(told, kind):
    """What a body raises when it is closed goes on, and the response is over all the same."""

    class Rude(kind):
        def close(self):
            raise RuntimeError("rude")

    watched = ending(told, Rude())
    with pytest.raises(RuntimeError, match="rude"):
        watched.close()
    assert told == ["end"]


def test_an_application_that_raises(told):
    """Where there is no body the response is over at once."""
    with pytest.raises(ZeroDivisionError):
        Ending(ENVIRON, lambda: told.append("end")).of(lambda: 1 / 0)
    assert told == ["end"]


def test_a_file_of_the_servers(told):
    """A file goes to the server as it is, and is over then: nobody sees how it is sent."""

    class Wrapper:
        pass

    file = Wrapper()
    environ = {**ENVIRON, "wsgi.file_wrapper": Wrapper}
    assert Ending(environ, lambda: told.append("end"), told.append).of(lambda: file) is file
    assert told == [None, "end"]
