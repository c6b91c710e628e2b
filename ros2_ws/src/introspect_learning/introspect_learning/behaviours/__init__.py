"""Behaviours: approach, grasp and retract over shared features."""
