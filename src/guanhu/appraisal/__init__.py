"""The main job: facts and a rulebook in, every subject's explained score, grade and pay out.

`passes` is the order of the work, readable as one tuple; the engine comes as an argument.
"""
