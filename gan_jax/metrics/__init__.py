"""Scores of samples, as functions of arrays."""
