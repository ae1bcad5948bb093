"""The parts of the embedded run, one module each: what is started, with which configuration, and how it is seen to serve."""
