"""The tests; a package, so that they share by name what they share."""
