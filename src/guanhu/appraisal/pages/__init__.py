"""What the pages of a kept run are made of: its rows with names, causes in words, small drawings."""
