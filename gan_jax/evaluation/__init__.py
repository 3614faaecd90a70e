"""Evaluation of samples: features, statistics of real data, metrics by name, protocols."""
