"""The kernel's little files: one number, or names with numbers."""

from __future__ import annotations

from pathlib import Path


def number(path: Path) -> float | None:
    """The number with which a file begins; None when there is no such file or it says something else, such as "max"."""
    try:
        return float(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None


def fields(path: Path) -> dict[str, float]:
    """The first two words of each line, as name and number."""
    found: dict[str, float] = {}
    try:
        for line in path.read_text().splitlines():
            parts = line.split()
            if len(parts) > 1 and parts[1].isdigit():
                found[parts[0]] = float(parts[1])
    except (OSError, ValueError):
        pass
    return found
