"""`./luna test`: every check and test, two at a time, told in one last line."""

from luna_embedded.testing.runner import run

__all__ = ["run"]
