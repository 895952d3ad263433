"""The reading *explain*: one subject, exactly, on Python whole numbers and fractions. It is the meaning.

It is slow and plain on purpose, shares no code with the compiler but the tree, and returns a trace:
what was read, which case or bracket held, which bound, and the credited rows behind each figure.
"""
