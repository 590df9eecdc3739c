"""What a determined insider tried, one file for each boundary. Each test is named by what the attacker would gain."""
