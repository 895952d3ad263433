"""What a file from a spreadsheet holds: its encoding, its records, the sheets of a workbook that is safe to open.

Nothing here knows what the cells mean; facts and rulebooks both read their files through this room.
"""
