"""Where spend is looked up: one module for each kind of bill."""
