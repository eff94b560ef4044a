"""JSON logs: one line for each record, whatever is logged."""

import datetime as dt
import enum
import io
import json
import logging
import logging.handlers
import queue
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mestres_perf import JsonFormatter, RequestContext, configure_logging
from mestres_perf._kernel.current import REQUEST_ID, TRACE_ID
from mestres_perf.errors import ConfigurationError


def line(record=None, formatter=None, **attributes):
    """The line of a record, as data. No number is one that JSON does not have."""
    record = record or logging.makeLogRecord({"name": "shop", "levelname": "INFO", "msg": "hello", **attributes})
    text = (formatter or JsonFormatter()).format(record)
    assert text.isascii()
    assert "\n" not in text
    return json.loads(text, parse_constant=pytest.fail)


@pytest.fixture
def context():
    """A request with a trace."""
    tokens = REQUEST_ID.set("the-id"), TRACE_ID.set("ab" * 16)
    yield
    TRACE_ID.reset(tokens[1])
    REQUEST_ID.reset(tokens[0])


def test_a_line():
    """Time in UTC, level, logger and message; ids only where there are any."""
    found = line(created=1_769_860_800.25, msg="order %s", args=(17,))
    assert found == {
        "time": "2026-01-31T12:00:00.250000Z",
        "level": "INFO",
        "logger": "shop",
        "message": "order 17",
    }


def test_the_request_and_its_trace(context):
    """Within a request its id and its trace are in each line."""
    found = line()
    assert (found["request_id"], found["trace_id"]) == ("the-id", "ab" * 16)


def test_extra_fields():
    """What is given as extra has its own name; where that is taken it gets a `_`; some are in every line."""
    found = line(order=17, time="late", level=3, formatter=JsonFormatter(fields={"service": "shop", "order": 1}))
    assert (found["order"], found["time_"], found["level_"], found["service"]) == (17, "late", 3, "shop")
    assert found["level"] == "INFO"


def test_an_exception():
    """Type, message and traceback, all in one line; a stack too where one was asked for."""
    try:
        int("wrong\nby a line")
    except ValueError:
        found = line(exc_info=sys.exc_info(), stack_info="Stack:\n  here")
    assert found["exception"]["type"] == "builtins.ValueError"
    assert found["exception"]["message"].endswith("'wrong\\nby a line'")
    assert found["exception"]["traceback"].startswith("Traceback (most recent call last):\n")
    assert found["stack"] == "Stack:\n  here"
    assert "exception" not in line(exc_info=(None, None, None))


class Odd:
    def __repr__(self):
        raise RuntimeError("no")


class OddError(Exception):
    def __str__(self):
        raise RuntimeError("no")


class Colour(enum.Enum):
    RED = 1


def _circle():
    circle = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        pytest.param(2**20000, "a number of 20001 bits", id="a large number"),
        (b"\xff", "b'\\xff'"),
        ("\ud800\u2028\n", "\ud800\u2028\n"),
        (Odd(), "<Odd>"),
        ({Odd(): Odd()}, {"<Odd>": "<Odd>"}),
        ({1: (2, {3})}, {"1": [2, [3]]}),
        (dt.date(2026, 1, 31), "2026-01-31"),
        (Colour.RED, "<Colour.RED: 1>"),
        (type("Word", (str,), {})("a"), "a"),
        (True, True),
    ],
)
def test_odd_values(value, written):
    """Whatever JSON has no words for is written in others, and the rest of the line is there."""
    found = line(odd=value)
    assert found["odd"] == written
    assert found["message"] == "hello"


def test_circles_and_depths():
    """A list that contains itself, and one that is very deep, end somewhere; a very long one is cut."""
    deep = []
    for _ in range(10_000):
        deep = [deep]
    for value in (_circle(), deep, list(range(10**5))):
        assert len(json.dumps(line(odd=value))) < 20_000


@pytest.mark.parametrize(("message", "args"), [("%d", ("x",)), ("%s %s", (1,)), (Odd(), ()), ("%s", (Odd(),))])
def test_messages_that_do_not_fit(message, args):
    """Arguments that do not fit their message are written beside it, and nothing is raised."""
    assert line(msg=message, args=args)["message"]


def test_an_exception_that_cannot_be_written():
    """An exception whose text raises is told by its type."""
    found = line(exc_info=(OddError, OddError(), None))
    assert found["exception"]["type"].endswith("OddError")
    assert found["message"] == "hello"


def test_times_that_are_none():
    """A record with a time that is no time is written all the same."""
    assert line(created=1e300)["message"] == "hello"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=3), st.text())
@settings(max_examples=30, deadline=None)
def test_any_record_is_one_line_of_json(extra, message):
    """Whatever is logged, the line is JSON, and the message is in it as it was."""
    record = logging.makeLogRecord({"msg": message})
    for name, value in extra.items():
        record.__dict__.setdefault(name, value)
    assert line(record)["message"] == message


def test_the_filter_for_others(context):
    """Other formatters, and handlers of other threads, find the ids in the record itself."""
    waiting = queue.SimpleQueue()
    handler = logging.handlers.QueueHandler(waiting)
    handler.addFilter(RequestContext())
    record = logging.makeLogRecord({"msg": "hello"})
    handler.handle(record)
    token = REQUEST_ID.set("of another request")
    found = line(waiting.get())
    REQUEST_ID.reset(token)
    assert (found["request_id"], found["trace_id"]) == ("the-id", "ab" * 16)
    assert logging.Formatter("%(request_id)s %(message)s").format(record) == "the-id hello"


@pytest.fixture
def root():
    """The root logger, put back as it was."""
    logger = logging.getLogger()
    handlers, level = list(logger.handlers), logger.level
    logger.handlers.clear()
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


def test_configure_logging(root):
    """One call, and all loggers write JSON; called again, each record is still written once."""
    stream = io.StringIO()
    for _ in range(2):
        configure_logging("WARNING", stream=stream, fields={"service": "shop"})
    logging.getLogger("a.b").info("not this")
    logging.getLogger("a.b").warning("this", extra={"order": 1})
    found = [json.loads(each) for each in stream.getvalue().splitlines()]
    assert [(each["logger"], each["message"], each["order"], each["service"]) for each in found] == [
        ("a.b", "this", 1, "shop")
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", found[0]["time"])


@pytest.mark.parametrize("wrong", [{"level": "LOUD"}, {"level": None}, {"fields": ["a"]}, {"fields": {1: 2}}])
def test_arguments_that_make_no_sense(root, wrong):
    """A level that there is not is refused, and the handlers are those that were there."""
    before = list(root.handlers)
    with pytest.raises(ConfigurationError, match="must be"):
        configure_logging(**wrong)
    assert root.handlers == before


def test_fields_that_logging_has_itself():
    """A field by a name that every record has would be lost, and is refused."""
    with pytest.raises(ConfigurationError, match="module, name already"):
        JsonFormatter(fields={"name": "shop", "module": "x", "service": "y"})
