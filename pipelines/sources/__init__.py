"""Where data comes from: what a config says of a source, and one module for each kind that reads it in pieces."""
