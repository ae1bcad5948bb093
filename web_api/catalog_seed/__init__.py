"""The titles that a new LUNA begins with: `titles.jsonl`, and the command that chose them."""
