"""The floor as a world for Gazebo (gz-sim Harmonic): an SDF file and the textures that it names.

Whatever stands on the floor has a collision of exactly its outline on the plan, and looks that fill it at the height of
a TurtleBot 4's lidar, about 0.18 m: a lidar of Gazebo sees looks, not collisions, and must see what the map says.
"""
