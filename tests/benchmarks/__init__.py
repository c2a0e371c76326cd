"""How fast it is, as whole processes beside kubectl, in one run.

    python -m tests.benchmarks                     what a minute or two allows
    python -m tests.benchmarks scan --pods 100 2000 20000 100000
    python -m tests.benchmarks start link meshes --runs 11

Nothing here is a test: a clock decides nothing (see docs/contributing.md, "Speed").
"""
