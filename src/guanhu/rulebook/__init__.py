"""The rulebook: one typed tree, read in four ways (run, explain, print; prove comes later).

`load` turns a folder into the tree or into a list of problems; nothing downstream sees an
unchecked tree.
"""
