"""Reinforcement learning that is not about one task."""
