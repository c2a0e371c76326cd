"""In which order pods start their mesh proxy and their application, and why."""

__version__ = "0.1.0"
