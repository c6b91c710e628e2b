"""The page in the browser; what it shows comes from ``introspect.monitor``."""
