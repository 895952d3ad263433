"""Shared by all tests: Hypothesis profiles, the Berka data, golden files."""

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
BERKA_MISSING = "BERKA DATA MISSING"
SPARK_MISSING = "SPARK MISSING"
NOT_RUN = {
    BERKA_MISSING: "tests on real bank data did NOT run; set GUANHU_DATA.",
    SPARK_MISSING: "tests of the engine Spark did NOT run; make spark, and install Java 17.",
}

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


def not_there(reason: str, required: str) -> NoReturn:
    """Fail for what is missing where the variable `required` says that it has to be there; else skip."""
    if os.environ.get(required) == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def berka_folder() -> Path:
    """Return the folder of the Berka files; without them skip loudly, or fail where they are required."""
    folder = ROOT / os.environ.get("GUANHU_DATA", "../shared/data") / "berka"
    if (folder / "account.asc.gz").exists():
        return folder
    reason = (
        f"{BERKA_MISSING}: no account.asc.gz in {folder}; hint: set GUANHU_DATA to the folder above berka"
    )
    not_there(reason, "GUANHU_REQUIRE_DATA")


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """Open one session of Spark for all tests of a process; without Spark skip loudly, or fail where it is required."""
    from guanhu.cli.engines import refuse_without_spark
    from guanhu.values.problem import Refused

    try:
        refuse_without_spark()
    except Refused as refused:
        reason = f"{SPARK_MISSING}: {refused.problems[0].text('en')}"
        not_there(reason, "GUANHU_REQUIRE_SPARK")
    from guanhu.engines.spark import spark_session

    few = {"spark.sql.shuffle.partitions": "1", "spark.driver.memory": "1g"}
    with warnings.catch_warnings():
        # PySpark's own modules warn of newer pandas and of sockets that it closes late.
        warnings.simplefilter("ignore")
        with spark_session("local[2]", few) as session:
            yield session


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was not tested, where a row of green dots would hide it."""
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for mark, told in NOT_RUN.items():
        count = sum(mark in reason for reason in skipped)
        if count:
            terminalreporter.write_line(f"WARNING: {mark}: {count} {told}", red=True, bold=True)
