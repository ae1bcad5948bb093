"""The simulated world without ROS: stepped by its caller, deterministic for a seed, no clock and no threads."""
