"""The floor plan of a library: read it, check it, draw it as map_server grid, picture and waypoints."""
