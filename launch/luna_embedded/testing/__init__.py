"""`./luna test`: every check and test, told in one last line."""

from luna_embedded.testing.runner import run

__all__ = ["run"]
