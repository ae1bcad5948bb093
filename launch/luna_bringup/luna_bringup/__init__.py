"""What the launch files share; of ROS only `describing` and `rosbridge` know."""
