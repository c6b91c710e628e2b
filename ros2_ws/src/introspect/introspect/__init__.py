"""Bring-up of introspect: the graph of nodes, its runners, the command line, the dashboard."""
