"""Measurements of the web tier that need its own code: run by `./luna bench` against servers of their own."""
