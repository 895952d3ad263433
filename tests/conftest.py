"""Shared by all tests: Hypothesis profiles, the Berka data, golden files."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
BERKA_MISSING = "BERKA DATA MISSING"

# No deadline: the first query of an engine is slow, and that says nothing about the example.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite-golden", action="store_true", help="write golden files anew instead of comparing them"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """Compare a text with its golden file, or write the file when asked to (`make golden`)."""

    def agrees(path: Path, text: str) -> None:
        if request.config.getoption("--rewrite-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        assert path.exists(), f"{path} is missing; hint: make golden"
        assert text == path.read_text("utf-8"), (
            f"{path.name} differs; hint: make golden, then explain the diff"
        )

    return agrees


@pytest.fixture(scope="session")
def berka_folder() -> Path:
    """Return the folder of the Berka files; without them skip loudly, or fail where they are required."""
    folder = ROOT / os.environ.get("GUANHU_DATA", "../shared/data") / "berka"
    if (folder / "account.asc.gz").exists():
        return folder
    reason = (
        f"{BERKA_MISSING}: no account.asc.gz in {folder}; hint: set GUANHU_DATA to the folder above berka"
    )
    if os.environ.get("GUANHU_REQUIRE_DATA") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was not tested, where a row of green dots would hide it."""
    skipped = [
        report
        for report in terminalreporter.stats.get("skipped", [])
        if BERKA_MISSING in str(report.longrepr)
    ]
    if skipped:
        line = (
            f"WARNING: {BERKA_MISSING}: {len(skipped)} tests on real bank data did NOT run; set GUANHU_DATA."
        )
        terminalreporter.write_line(line, red=True, bold=True)
