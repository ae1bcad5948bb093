"""`./luna sim`: the simulator alone, and everything around it, without database and web tier."""
