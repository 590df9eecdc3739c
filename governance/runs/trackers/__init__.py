"""Experiment trackers: one module for each, behind one small interface."""
