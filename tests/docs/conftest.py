"""Says at the end of the run which blocks of the documentation were not run, and why."""

from docs.pages import PAGES, blocks


def pytest_terminal_summary(terminalreporter):
    left_out = [block for page in PAGES for block in blocks(page, "python") if block.reason is not None]
    if left_out:
        terminalreporter.section("documentation not run")
        for block in left_out:
            terminalreporter.line(f"{block}: {block.reason}")
