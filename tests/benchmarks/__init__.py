"""What consent costs: this app beside none, a hand-written solution and another package.

``python -m tests.benchmarks`` (or ``make bench``) measures and writes the tables of
``docs/benchmarks.md``. Every solution is a website of its own in a process of its own
(`worker`), all with the same page (`website`); `measuring` takes them in turn, `report` writes.
"""
