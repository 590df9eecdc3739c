"""How a model version moves from environment to environment, and back."""
