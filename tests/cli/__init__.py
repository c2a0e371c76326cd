"""The command line, as the installed program has it."""
