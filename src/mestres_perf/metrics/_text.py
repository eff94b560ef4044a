"""The page in Prometheus's text format, version 0.0.4.

Everything of a line but its number is written once and kept, so a page costs little more than its numbers.
"""

from __future__ import annotations

from itertools import accumulate

from mestres_perf.metrics._catalogue import Metric
from mestres_perf.metrics._cells import Values
from mestres_perf.metrics._sheet import Labels, Table

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SHORTEST_EXPONENT = 6
_NAMES = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


class Writer:
    """Writes pages. It remembers the text of every series that it has written."""

    def __init__(self) -> None:
        self._heads: dict[Metric, str] = {}
        self._patterns: dict[Metric, dict[Labels, str]] = {}

    def write(self, table: Table) -> str:
        """The page; of a metric without series only what it is."""
        page: list[str] = []
        for metric, rows in table.items():
            page.append(self._head(metric))
            patterns = self._patterns.setdefault(metric, {})
            numbers = _histogram_numbers if metric.kind == "histogram" else _only_number
            for labels, values in rows.items():
                pattern = patterns.get(labels) or patterns.setdefault(labels, _pattern(metric, labels))
                page.append(pattern % numbers(values))
        return "".join(page)

    def _head(self, metric: Metric) -> str:
        head = self._heads.get(metric)
        if head is None:
            meaning = metric.help.replace("\\", r"\\").replace("\n", r"\n")
            head = f"# HELP {metric.name} {meaning}\n# TYPE {metric.name} {metric.kind}\n"
            self._heads[metric] = head
        return head


def number(value: float) -> str:
    """A number as Prometheus reads it."""
    text = repr(float(value))
    return _NAMES.get(text, text)


def bound(value: float) -> str:
    """A bucket's bound as Go writes it, so that a series keeps its name whoever counts it: `1e+06`."""
    text = number(value)
    whole, _, rest = text.partition(".")
    if value > 0 and whole.isdigit() and len(whole) > _SHORTEST_EXPONENT:
        digits = f"{whole[0]}.{whole[1:]}{rest}".rstrip("0").rstrip(".")
        return f"{digits}e+{len(whole) - 1:02d}"
    return text


def _only_number(values: Values) -> tuple[str]:
    return (number(values[0]),)


def _histogram_numbers(values: Values) -> tuple[float | str, ...]:
    """Prometheus counts in each bucket what is in those below it, too; the last one is the count."""
    *buckets, total = values.tolist() if isinstance(values, memoryview) else values
    counts = tuple(accumulate(buckets))
    return (*counts, counts[-1], number(total))


def _pattern(metric: Metric, labels: Labels) -> str:
    """The lines of one series, with a gap for each number: %s for a text, %r for a count."""
    pairs = [f'{name}="{_escaped(value)}"' for name, value in zip(metric.labels, labels, strict=True)]
    if metric.kind != "histogram":
        return f"{_literal(metric.name + _braced(pairs))} %s\n"
    buckets = [_braced([*pairs, f'le="{bound(most)}"']) for most in (*metric.buckets, float("inf"))]
    counts = [*(f"{metric.name}_bucket{braced}" for braced in buckets), f"{metric.name}_count{_braced(pairs)}"]
    return (
        "".join(f"{_literal(each)} %r\n" for each in counts)
        + f"{_literal(metric.name)}_sum{_literal(_braced(pairs))} %s\n"
    )


def _literal(text: str) -> str:
    return text.replace("%", "%%")


def _braced(pairs: list[str]) -> str:
    return f"{{{','.join(pairs)}}}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
