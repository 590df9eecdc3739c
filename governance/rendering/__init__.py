"""Figures, numbers and templates that reports share."""
