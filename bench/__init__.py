"""Measures every figure that the README quotes: `python -m bench [--quick] [--only NAME]`.

Each row compares with a peer that does the same work, or with a limit. The banks are invented, made on
first use and kept in `bench/.data`. Ours and the peer take turns, so that a slow moment hits both, and
the best of each counts.
"""
