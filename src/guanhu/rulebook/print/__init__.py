"""The reading *print*: the tree as Chinese sentences, and a rulebook as a regulation."""
