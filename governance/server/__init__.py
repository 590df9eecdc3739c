"""ZenML's server on this machine, with the guard, and the trackers' pages on the tracking stores: start, stop, look."""
