"""Which tests prove which case: read from marks `scenario("C5")`, ids `id="A13 two"`, and docstrings "A22: ...".

Run as a program it writes the right column of README.md.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parents[1]
TABLE = HERE / "README.md"
ROW = re.compile(r"^\| (?P<number>[AC]\d+) \| (?P<rule>[^|]+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)
_NUMBER = re.compile(r"[AC]\d+(?![\w.])")
_MOST_SHOWN = 3


def cases_of(source: str) -> Iterator[tuple[str, str]]:
    """(number, name of the test) for each case in a file of tests."""
    tables: dict[str, set[str]] = {}
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            tables |= {target.id: set(_ids(node)) for target in targets if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            said = _NUMBER.match(ast.get_docstring(node) or "")
            if said:
                yield said[0], node.name
            for decorator in node.decorator_list:
                names = {each.id for each in ast.walk(decorator) if isinstance(each, ast.Name)}
                found = {*_ids(decorator), *(number for name in names for number in tables.get(name, ()))}
                for number in sorted(found):
                    yield number, node.name


def _ids(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        texts = [keyword.value for keyword in node.keywords if keyword.arg == "id"]
        if ast.unparse(node.func).endswith("mark.scenario"):
            texts += node.args
        for text in texts:
            if isinstance(text, ast.Constant) and (number := _NUMBER.match(str(text.value))):
                yield number[0]


def proofs() -> dict[str, list[str]]:
    """The tests by number, as `core/file.py::test`."""
    found: dict[str, list[str]] = {}
    for file in sorted((TESTS / "core").rglob("test_*.py")):
        for number, test in cases_of(file.read_text(encoding="utf-8")):
            name = f"{file.relative_to(TESTS.parent).as_posix()}::{test}"
            if name not in found.setdefault(number, []):
                found[number].append(name)
    return found


def written(text: str) -> str:
    """README.md with its right column as it should be."""
    tests = proofs()

    def row(match: re.Match[str]) -> str:
        names = tests.get(match["number"], [])
        more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
        shown = ", ".join(f"`{name}`" for name in names[:_MOST_SHOWN]) + more
        return f"| {match['number']} | {match['rule']} | {shown or '-'} |"

    return ROW.sub(row, text)


if __name__ == "__main__":
    TABLE.write_text(written(TABLE.read_text(encoding="utf-8")), encoding="utf-8")
