"""What every other package stands on: errors, target, roles, provenance, policy, file writing, progress."""
