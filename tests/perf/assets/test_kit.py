"""`mestres-perf assets write`: what gets into the folder, and what never does."""

import pytest

from mestres_perf.assets import FILES, Settings, write
from mestres_perf.cli import main
from mestres_perf.errors import ConfigurationError


def contents(folder):
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_every_file_is_written(tmp_path, capsys):
    """The command writes every file of the kit, says so, and says the next time that nothing has changed."""
    folder = tmp_path / "new" / "ops"
    command = ["assets", "write", str(folder), "--ram", "32GB", "--cpus", "16", "--disk", "ssd"]

    assert main(command) == 0
    assert contents(folder) == {name: render(Settings()) for name, render in FILES.items()}
    assert capsys.readouterr().out.count("written ") == len(FILES)
    assert main(command) == 0
    assert capsys.readouterr().out.count("unchanged ") == len(FILES)


def test_options_reach_the_files(tmp_path):
    """Each option of the command line ends in the file that it is for."""
    options = (
        "--ram 1GB --cpus 2 --disk hdd --preload pg_stat_statements --upstream app1:8000 --upstream app2:8000 "
        "--port 8080 --api-name api.example --web-name shop.example --static-root /srv/pages --run-folder /tmp/run"
    )
    assert main(["assets", "write", str(tmp_path), *options.split()]) == 0

    nginx, postgresql = contents(tmp_path)["nginx.conf"], contents(tmp_path)["postgresql.conf"]
    for words in ("server app1:8000 ", "server app2:8000 ", "listen 8080", "server_name api.example;",
                  "server_name shop.example;", "root /srv/pages;", "pid /tmp/run/nginx.pid;"):  # fmt: skip
        assert words in nginx
    for words in ("shared_buffers = 256MB", "max_parallel_workers = 2", "random_page_cost = 4.0",
                  "shared_preload_libraries = 'pg_stat_statements'"):  # fmt: skip
        assert words in postgresql
    assert main(["assets", "write", str(tmp_path), "--force", "--pages", "app", "--preload", ""]) == 0
    assert "try_files" not in contents(tmp_path)["nginx.conf"]
    assert "shared_preload_libraries = ''" in contents(tmp_path)["postgresql.conf"]


def test_nothing_is_written_for_a_wrong_option(tmp_path, capsys):
    """A wrong value is exit code 2, one line that says what is right, and no file."""
    assert main(["assets", "write", str(tmp_path / "ops"), "--ram", "lots"]) == 2
    assert "such as 512MB or 32GB" in capsys.readouterr().err
    assert not (tmp_path / "ops").exists()


def test_an_edited_file_is_kept(tmp_path):
    """One file that says something else stops all of them, until it is forced."""
    write(tmp_path, Settings())
    (tmp_path / "postgresql.conf").write_text("mine")
    before = contents(tmp_path)

    with pytest.raises(ConfigurationError, match=r"postgresql.conf in .* would be overwritten"):
        write(tmp_path, Settings())
    assert contents(tmp_path) == before

    assert write(tmp_path, Settings(), force=True) == {name: name == "postgresql.conf" for name in FILES}
    assert contents(tmp_path)["postgresql.conf"] != "mine"


def test_a_file_is_replaced_in_one_step(tmp_path, monkeypatch):
    """When writing fails half-way, the file that was there is still whole and no other one is left behind."""
    write(tmp_path, Settings())
    before = contents(tmp_path)
    monkeypatch.setattr("pathlib.Path.replace", _full_disk)

    with pytest.raises(ConfigurationError, match="no space"):
        write(tmp_path, Settings(ram="1GB"), force=True)
    assert contents(tmp_path) == before


def _full_disk(*_):
    raise OSError("no space")


def test_a_folder_that_is_none(tmp_path):
    """Where no folder can be, the error says so."""
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="cannot be written to"):
        write(tmp_path / "file", Settings())
