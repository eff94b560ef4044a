"""The hosts' tests begin with a database that has the shop's tables already."""

from core.conftest import fill, migrated

__all__ = ["fill", "migrated"]
