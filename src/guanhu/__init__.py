"""guanhu runs a bank's customer-manager system (客户经理制) from the bank's own rulebook."""

__version__ = "0.1.0"
