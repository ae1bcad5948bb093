"""Driving to a place: the port to whatever navigates, the driver of a leg, and where the robot is."""
