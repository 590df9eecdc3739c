"""What happened, read from and written to the log: journal, history, run context, the outbox of a run."""
