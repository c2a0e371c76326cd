"""The command line; the only place that names ``click``."""
