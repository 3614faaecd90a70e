"""A single training run: the loop and what happens at its intervals."""
