"""Bring-up, command line and dashboard."""
