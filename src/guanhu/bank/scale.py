"""One large import folder for measuring: a quarter of a bank whose size is the only thing that matters.

Accounts have 8 to 12 changes and an opening row; 5 % are shared 60/40, 10 % change hands on 2025-02-15
and 5 % on another day. The files are Parquet with typed columns. `scale.sql` says how each is made.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from guanhu.bank.writing import make_empty

KINDS = ("institutions", "staff", "posts", "customers", "accounts", "balances", "assignments", "figures")
THREADS = 2


def generate_scale(out: Path, accounts: int, managers: int, seed: int) -> None:
    """Write an import folder for 2025-01-01..2025-03-31 with so many accounts and managers into `out`.

    The same arguments give the same rows with the same version of DuckDB, whose hash function draws them.

    Errors:   ValueError with fewer than two managers; FileExistsError when `out` is not empty.
    """
    import duckdb

    if managers < 2 or accounts < 1:
        raise ValueError(f"at least two managers and one account; got {managers} and {accounts}")
    make_empty(out)
    with duckdb.connect(config={"threads": THREADS}) as connection:
        for name, value in (("accounts", accounts), ("managers", managers), ("seed", seed)):
            connection.execute(f"SET VARIABLE {name} = {value:d}")
        connection.execute(files("guanhu.bank").joinpath("scale.sql").read_text("utf-8"))
        for kind in KINDS:
            connection.table(kind).write_parquet(str(out / f"{kind}.parquet"), compression="zstd")
    kinds = ", ".join(KINDS)
    text = f"coverage:\n  - {{kinds: [{kinds}], from: 2025-01-01, to: 2025-03-31}}\n"
    (out / "coverage.yaml").write_text(text, "utf-8")
