"""Robots: what they are to do, what they say, and the controller that makes the one the other."""
