"""Studies: many runs in one program, compared."""
