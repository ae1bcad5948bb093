"""LUNA's web tier: five services over one database. See docs/architecture.md."""

import gc

__version__ = "0.1.0"

# Modules and their classes are not garbage. Python's own 700 has it look for some through all that a start has made so
# far, again and again: a tenth of what the start takes.
gc.set_threshold(10_000, 10, 10)
