"""A governed run: attached rules, the run itself, its hooks and trackers, and deployment."""
