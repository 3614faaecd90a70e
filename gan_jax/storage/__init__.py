"""Storage of a run: its folder, its checkpoints, and its metrics."""
