"""Training a recorded run once more from its commit and lock, and comparing what comes of it."""
