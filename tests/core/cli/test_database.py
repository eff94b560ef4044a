"""What an operator is told when the database cannot be used: one line, and no traceback."""

import pytest

from mestres_core.cli import main
from mestres_core.db.schema import HEAD


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("shop.db", "this is no address of a database; use a sqlite:///file.db or postgresql://... address"),
        ("postgresql+none://localhost/shop", "postgresql+none is no driver of SQLAlchemy's; use a sqlite:///"),
        ("sqlite:////no/such/folder/shop.db", "the database does not answer: unable to open database file"),
        ("postgresql://127.0.0.1:1/shop", "the database does not answer: connection failed"),
    ],
)
def test_an_unusable_address_is_one_line(url: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A typo in an address, or a server that is away, ends with 1 and says what it is."""
    assert 1 == main(["events", "status", "--database", url])
    assert capsys.readouterr().err.startswith(f"mestres: {told}")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_unknown_revision_is_one_line(database_url: str, fill, capsys: pytest.CaptureFixture[str]) -> None:
    """So does a revision that is none, as after a return to an earlier version of the package."""
    fill(database_url)
    assert 1 == main(["migrate", "--to", "9999", "--database", database_url])
    assert f"cannot go from {HEAD} to 9999; this mestres knows the revisions up to {HEAD}" in capsys.readouterr().err
