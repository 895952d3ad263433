"""The invented bank, imported quarter by quarter."""

from pathlib import Path

from guanhu.bank.generate import generate
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.values.problem import errors_in


def invented_bank(folder: Path, accounts: int, managers: int) -> Bank:
    """Return a bank of eight quarters made in `folder`; its files are taken without a problem."""
    generate(folder / "files", accounts=accounts, managers=managers, quarters=8, seed=1)
    found = Bank.create(folder / "bank", "示例银行")
    for quarter in sorted((folder / "files").iterdir()):
        assert [problem.text("en") for problem in errors_in(import_folder(quarter, found).problems)] == []
    return found
