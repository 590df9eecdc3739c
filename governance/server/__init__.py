"""ZenML's server on this machine, with the guard, and MLflow's pages on the tracking stores: start, stop, look."""
