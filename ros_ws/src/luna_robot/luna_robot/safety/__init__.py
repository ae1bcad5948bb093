"""What must stop the robot, and what must be true before it may move again."""
