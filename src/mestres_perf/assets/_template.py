"""Texts with {{names}} in them: `$`, `{` and `%` all mean something in the files that are made here."""

from __future__ import annotations

import re
from importlib.resources import files

_NAME = re.compile(r"\{\{(\w+)\}\}")


def read(name: str) -> str:
    """The text of a file in `templates`."""
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def fill(name: str, values: dict[str, object]) -> str:
    """The text of a template with its {{names}} replaced."""
    return _NAME.sub(lambda found: str(values[found[1]]), read(name))
