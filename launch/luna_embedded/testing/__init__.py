"""`./luna test`: every check and test, on as many cores as there are, told in one last line."""

from luna_embedded.testing.runner import run

__all__ = ["run"]
