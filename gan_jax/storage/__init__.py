"""What a run stores: its folder, its checkpoints, its metrics."""
