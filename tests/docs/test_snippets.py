"""What the documentation shows works."""

import ast
import asyncio
import contextvars
import inspect
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from docs.pages import PAGES, READMES, ROOT, blocks

# Addresses as a page writes them, and the fixture that gives a real one in their place.
_REAL_PARTS = {"redis://localhost:6379/0": "redis_db", "postgresql://localhost/shop": "postgres_database"}


def _name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page, "python"))], ids=_name)
def test_python_blocks_run(page, request, tmp_path, monkeypatch):
    """The Python blocks of a page run in order, in one namespace, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    namespace, context = {"__name__": "__page__"}, contextvars.copy_context()
    with asyncio.Runner() as runner:
        try:
            for block in blocks(page, "python"):
                if block.reason is None:
                    context.run(_run, _with_real_parts(block.code, request), block, namespace, runner)
        finally:
            _close(namespace, runner)


def _run(code, block, namespace, runner):
    # The empty lines make a traceback point into the page; a page may use `await` at the top level.
    padded = "\n" * (block.line - 1) + code
    compiled = compile(padded, str(block.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    result = eval(compiled, namespace)
    if inspect.iscoroutine(result):
        runner.run(_finish(result))


async def _finish(coroutine):
    await coroutine


def _with_real_parts(code, request):
    for address, fixture in _REAL_PARTS.items():
        if address in code:
            code = code.replace(address, request.getfixturevalue(fixture))
    return code


def _close(namespace, runner):
    """Close what a page opened; the page itself need not be cluttered with it."""
    for value in list(namespace.values()):
        if type(value).__module__.startswith("mestres") and hasattr(value, "close"):
            closing = value.close()
            if inspect.iscoroutine(closing):
                runner.run(closing)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_blocks_left_out_give_a_reason(page):
    """A block is left out only for a reason that is written down."""
    assert [str(block) for block in blocks(page, "python") if block.reason == ""] == []


def _commands():
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for block in blocks(page, "console", "sh", "bash"):
            for line in block.code.splitlines():
                command = line.removeprefix("$ ")
                if command.partition(" ")[0] in {"make", "mestres", "mestres-perf"}:
                    words = shlex.split(command, comments=True)
                    yield pytest.param(words, id=f"{page.name}: {shlex.join(words)}")


@pytest.mark.parametrize("words", list(_commands()))
def test_commands_exist(words):
    """A command that a page shows is known to make or to the command line, options included."""
    program, *arguments = words
    if program == "make":
        run = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        return
    command = [Path(sys.executable).with_name(program), *arguments, "--help"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert [word for word in arguments if word.startswith("--") and word not in run.stdout] == []


def test_readmes_show_the_same_code():
    """The two READMEs differ in language only: their code is the same, comments and prose aside."""
    english, portuguese = ([ast.dump(ast.parse(block.code)) for block in blocks(page, "python")] for page in READMES)

    assert english == portuguese
    assert english
