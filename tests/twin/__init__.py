"""One list of pods read by two processes: the same as if one had read it alone."""
