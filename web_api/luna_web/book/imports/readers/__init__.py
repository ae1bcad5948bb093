"""Reading records out of files, one at a time, whatever the file does."""
