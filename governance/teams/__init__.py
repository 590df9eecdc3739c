"""Taking a team in and letting one go: its file, its scaffold, and what follows in every environment."""
