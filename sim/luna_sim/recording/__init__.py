"""Recordings of what robots say, as MCAP in the ROS 2 profile: for Foxglove, `ros2 bag` and pictures."""
