"""LUNA's web tier: five services over one database. See docs/architecture.md."""

__version__ = "0.1.0"
