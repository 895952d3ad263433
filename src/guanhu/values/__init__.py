"""Value types that every other package may import: exact numbers, business dates, units, problems, places.

Nothing here knows what a bank is.
"""
