"""The parts of the embedded run, one module each: what is started, how configured, and how it is seen to serve."""
