"""Behaviours, choreographer, their contracts and their training."""
