"""Backups of the server's database, stages, tracking stores and log checkpoint; the drill that shows they restore."""
