"""Simulated worlds, tasks and environments."""
