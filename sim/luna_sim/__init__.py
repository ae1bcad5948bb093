"""The embedded simulator: robots that offer what a TurtleBot 4 under Nav2 offers, on any map_server map."""
