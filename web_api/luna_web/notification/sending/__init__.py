"""Sends letters: one thread for each channel, one letter at a time, at least once, for as long as it is of use.

`sender` decides what becomes of a letter, `email` and `push` carry it; `outcomes` has what may come of that.
"""
