"""Benchmarks of a running LUNA: each prints a table, writes JSON, and shows a limit of the same run beside."""
