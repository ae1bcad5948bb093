"""The thin shells: ROS on the outside, the plain cores within."""
