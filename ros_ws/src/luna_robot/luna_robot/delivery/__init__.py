"""What a delivery is and how it goes on: plain values and decisions, no ROS, no clock, no disk but the journal's."""
