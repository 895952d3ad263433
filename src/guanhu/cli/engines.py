"""The engines that a command may be told to use: what each needs, and what is said when it is not there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from guanhu.cli.shell import SHELL
from guanhu.cli.words import say
from guanhu.values.problem import Place, Problem, Refused

if TYPE_CHECKING:
    from guanhu.appraisal.engine import Engine

ENGINES = ("duckdb", "spark")
JAVA_LEAST = 17


def duckdb_engine() -> Engine:
    """Return a new DuckDB engine."""
    from guanhu.engines.duckdb import DuckDBEngine

    return DuckDBEngine()


@contextmanager
def engine_named(name: str, master: str, work: Path | None) -> Iterator[Callable[[], Engine]]:
    """Yield what makes the engine of a name; a session of Spark is open meanwhile.

    Errors:   exit 2 for an engine that there is not or a cluster without a shared folder; Refused RUN053 without
              PySpark, RUN054 without Java.
    """
    if name not in ENGINES:
        raise SHELL.wrong_use(say("engine_form", SHELL.lang, seen=name, engines=" | ".join(ENGINES)))
    if name == "duckdb":
        if master or work:
            raise SHELL.wrong_use(say("spark_only", SHELL.lang))
        yield duckdb_engine
        return
    if work is None and master and not master.startswith("local"):
        raise SHELL.wrong_use(say("spark_work", SHELL.lang, master=master))
    refuse_without_spark()
    from guanhu.engines.spark import LOCAL, SparkEngine, spark_session

    with spark_session(master or LOCAL) as session:
        yield partial(SparkEngine, session, work)


def refuse_without_spark() -> None:
    """Refuse when PySpark or a Java that runs it is not there."""
    if find_spec("pyspark") is None or find_spec("pyarrow") is None:
        raise Refused(
            [
                Problem(
                    "RUN053",
                    Place("--engine spark"),
                    "没有安装 PySpark",
                    "PySpark is not installed",
                    "在项目文件夹里运行 make spark, 或 pip install 'guanhu[spark]'; 不用集群时去掉 --engine spark",
                    "run make spark in the project's folder, or pip install 'guanhu[spark]'; without a cluster, leave out --engine spark",
                )
            ]
        )
    seen = java_version()
    if seen < JAVA_LEAST:
        raise Refused(
            [
                Problem(
                    "RUN054",
                    Place("--engine spark"),
                    f"Spark 要 Java {JAVA_LEAST} 或更新的, 这里"
                    + (f"是 {seen}" if seen else "没有找到 Java"),
                    f"Spark needs Java {JAVA_LEAST} or newer; here "
                    + (f"is {seen}" if seen else "no Java was found"),
                    "安装 Java(Debian: apt-get install openjdk-17-jre-headless), 或用 JAVA_HOME 指明",
                    "install it (Debian: apt-get install openjdk-17-jre-headless), or name it with JAVA_HOME",
                )
            ]
        )


def java_version() -> int:
    """Return the version of the Java that Spark would start, 0 when there is none.

    >>> java_version() >= 0
    True
    """
    home = os.environ.get("JAVA_HOME")
    java = f"{home}/bin/java" if home else shutil.which("java")
    if not java:
        return 0
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 - Java's own path
    except OSError:
        return 0
    found = re.search(r'version "(\d+)', told.stderr)
    return int(found[1]) if found else 0
