"""Evaluation: fixed episodes, deterministic actions, baselines beside."""
