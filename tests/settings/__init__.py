"""Settings with their origin: selectors, control planes, precedence, the reading."""
