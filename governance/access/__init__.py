"""Who may do what on ZenML's server, and the guard in front of every route of it."""
