"""Which test proves which failure mode: read from the marks `@pytest.mark.scenario("B3")` of all tests.

Run as a program it fills in the rows of README.md that name no test yet, from the marks that there are.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TABLE = HERE / "README.md"
ROW = re.compile(
    r"^\| (?P<number>[A-Z]\d+) \| (?P<rule>[^|]+) \| (?:`(?P<file>[^`:]+)::(?P<test>\w+)`|- pending) \|$", re.MULTILINE
)
_MOST = {
    "B": 19, "R": 8, "T": 7, "K": 4, "L": 8, "A": 4, "H": 22, "M": 7, "D": 2, "C": 5, "S": 8, "O": 6, "V": 8, "G": 1,
    "E": 1,
}  # fmt: skip
NUMBERS = [f"{letter}{number}" for letter, most in _MOST.items() for number in range(1, most + 1)]
"""Every failure mode."""


def marks_of(source: str) -> Iterator[tuple[str, str]]:
    """The number of each mark in a file of tests, and the test that carries it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.scenario":
                    for argument in decorator.args:
                        if isinstance(argument, ast.Constant):
                            yield str(argument.value), node.name


def marked() -> dict[str, list[str]]:
    """The tests by the number that they carry, as `file::test`, in the order of their names."""
    found: dict[str, list[str]] = {}
    for file in sorted((ROOT / "tests").rglob("test_*.py")):
        source = file.read_text(encoding="utf-8")
        if "mark.scenario(" in source:
            for number, test in marks_of(source):
                found.setdefault(number, []).append(f"{file.relative_to(ROOT).as_posix()}::{test}")
    return found


def main() -> None:
    tests, text = marked(), TABLE.read_text(encoding="utf-8")

    def filled(row: re.Match[str]) -> str:
        there = tests.get(row["number"])
        return row[0].replace("- pending", f"`{there[0]}`") if there and not row["file"] else row[0]

    TABLE.write_text(ROW.sub(filled, text), encoding="utf-8")


if __name__ == "__main__":
    main()
