"""Training runs on disk: atomic, resumable, readable."""
