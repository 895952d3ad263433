"""An invented bank for the demo, for tests and for measuring: everything in it is made up.

`generate` writes the import folders of a bank with people, customers and money; `scale` writes one
large import folder and nothing more.
"""
