"""The reading *run*: all subjects at once. Tree → SQL as a syntax tree; an engine executes it.

`numeric` holds the only arithmetic that is ever printed for an engine; `scalar` compiles formulas;
`sheet` stages them into subqueries; `fold` compiles measures.
"""
