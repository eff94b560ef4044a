"""The comparison as a page: one table, and the rule and the reasons behind each row."""

import platform
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from perf.peers.cells import ABSENT, NO, UNDECIDED, YES, Cell, decided
from perf.peers.claims import CLAIMS, Claim
from perf.peers.libraries import LIBRARIES, adapter

PAGE = Path(__file__).parents[3] / "docs" / "cache-peers.md"
SHORT_PAGE = PAGE.with_name("cache.md")
SHORT = (
    "both_colours",
    "keys",
    "bounded",
    "one_load_threads",
    "one_load_tasks",
    "one_load_processes",
    "failed_load",
    "cancelled_leader",
    "no_stale_fill",
    "invalidation_elsewhere",
    "stale_while_revalidate",
    "stale_if_error",
    "dead_redis",
    "no_forged_payload",
    "any_object",
    "commits",
)
"""The rows that a new user is shown first."""

_SIGNS = {YES: "yes", NO: "**no**", ABSENT: "–", UNDECIDED: "?"}
Cells = Mapping[tuple[str, str], Cell]


def by_place(cells: Iterable[Cell]) -> Cells:
    """The cells by claim and library."""
    return {(cell.claim, cell.library): cell for cell in cells}


def matrix(cells: Cells) -> str:
    """The table: a row for each claim, a column for each library."""
    head = f"| | {' | '.join(LIBRARIES)} |\n| --- |{' --- |' * len(LIBRARIES)}"
    return "\n".join([head, *(_row(claim, cells) for claim in decided())])


def short(cells: Cells) -> str:
    """The table for the first page, its rows led to the whole one."""
    head, line, *_ = matrix(cells).splitlines()
    rows = (_row(CLAIMS[name], cells).replace("](#", f"]({PAGE.name}#") for name in SHORT)
    return "\n".join([head, line, *rows])


def sign(cell: Cell) -> str:
    """What the table says."""
    return _SIGNS[cell.answer]


def _row(claim: Claim, cells: Cells) -> str:
    signs = (sign(cells[claim.name, library]) for library in LIBRARIES)
    return f"| [{claim.title}](#{claim.name}) | {' | '.join(signs)} |"


def rules(cells: Cells) -> str:
    """For each claim what is tried, the name of its test, and what must be known of the cells."""
    return "\n\n".join(_rule(claim, cells) for claim in CLAIMS.values())


def _rule(claim: Claim, cells: Cells) -> str:
    lines = [f"### {claim.title} {{ #{claim.name} }}", "", f"{claim.rule} `test_claims.py::test_ours[{claim.name}]`"]
    if claim.pending is not None:
        return "\n".join([*lines, "", f"Not decided yet: {claim.pending}."])
    if claim.conceded is not None:
        lines += ["", f"Not here: {claim.conceded}."]
    remarks = [_remark(cells[claim.name, library]) for library in LIBRARIES]
    told = [remark for remark in remarks if remark]
    return "\n".join([*lines, *(["", *told] if told else [])])


def _remark(cell: Cell) -> str:
    found = adapter(cell.library)
    if cell.answer in (ABSENT, UNDECIDED):
        return f"- {cell.library}: {cell.why}"
    note = found.notes.get(cell.claim)
    return f"- {cell.library}: {note}" if note else ""


def versions() -> str:
    """What was measured."""
    found = {adapter(library).distribution for library in LIBRARIES} - {"mestres", "python"}
    named = sorted((*found, "cachelib", "redis"), key=str.lower)
    packages = ", ".join(f"{name} {version(name)}" for name in named)
    return f"Python {platform.python_version()}, {packages}."


def replaced(text: str, part: str, content: str) -> str:
    """The page with one generated part in place of the one before."""
    begin, end = _marks(part)
    changed, count = re.subn(
        f"{re.escape(begin)}.*{re.escape(end)}", lambda _: f"{begin}\n\n{content}\n\n{end}", text, flags=re.DOTALL
    )
    if count != 1:
        raise ValueError(f"the page has no part {part!r}")
    return changed


def part(text: str, name: str) -> str:
    """A generated part of the page. Raises ValueError."""
    begin, end = _marks(name)
    return text[text.index(begin) + len(begin) : text.index(end)].strip()


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name}: made by `make cache-peers` -->", f"<!-- end of {name} -->"
