"""Live numbers: facts of all contacts tasks become metrics by scope and window."""
