"""The reading that proves: the typed tree as formulas for z3, asked about all managers that there can be.

Whatever is reported has a counterexample that *explain* has replayed; what cannot be decided in its time is said.
"""
