"""Reading a folder of files: which file is of which kind, its headings, and its rows as a relation."""
