"""Adding, updating and removing teams: a team's file, its scaffold, and what follows in every environment."""
