"""What environments, teams and runs cost: estimated before, measured during, reported and limited after."""
