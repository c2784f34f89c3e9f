"""The parts of GLUE: its cost, prior, weights, equations and their solution."""
