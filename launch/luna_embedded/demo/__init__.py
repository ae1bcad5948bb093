"""The demonstration: a student and a librarian, a real book, two trips, all through the public HTTP API."""

from luna_embedded.demo.main import run_demo

__all__ = ["run_demo"]
