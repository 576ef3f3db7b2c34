"""The exact solver: CP-SAT models of every field, run in a child process that can be killed."""
