"""The banks that are measured, made on first use: so many accounts, 11 balances each, in one quarter."""

import shutil
from pathlib import Path

from guanhu.bank.scale import generate_scale
from guanhu.facts.importing import import_folder
from guanhu.facts.store import Bank
from guanhu.values.problem import errors_in

DATA = Path(__file__).parent / ".data"
RULEBOOKS = Path(__file__).parent / "rulebooks"
FULL = 1_000_000
ACCOUNTS_PER_MANAGER = 200
SEED = 1


def bank_of(accounts: int) -> Bank:
    """Return the bank with so many accounts and one two-hundredth as many managers."""
    return kept(f"bank-{accounts}", lambda out: generate_scale(out, accounts, managers_of(accounts), SEED))


def managers_of(accounts: int) -> int:
    """Return how many managers a bank of that size has."""
    return accounts // ACCOUNTS_PER_MANAGER


def kept(name, make) -> Bank:
    """Return the bank of that name; `make` writes its import folder when there is none yet."""
    target = DATA / name
    if not target.exists():
        DATA.mkdir(exist_ok=True)
        folder, partial = DATA / f"{name}.in", DATA / f"{name}.part"
        for left in (folder, partial):
            shutil.rmtree(left, ignore_errors=True)
        print(f"preparing {name} …", flush=True)
        make(folder)
        result = import_folder(folder, Bank.create(partial, name))
        if wrong := errors_in(result.problems):
            raise RuntimeError(wrong[0].text())
        shutil.rmtree(folder)
        partial.rename(target)
    return Bank(target)
