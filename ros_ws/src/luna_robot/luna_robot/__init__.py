"""The part of LUNA that runs on a robot: it carries library books, one delivery at a time."""

__version__ = "0.1.0"
