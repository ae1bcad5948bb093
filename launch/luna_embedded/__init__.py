"""The embedded run: the `luna` command, the supervisor of its parts, the demonstration."""

__version__ = "0.1.0"
