"""Utilities that every other package may use: errors, files, random keys, numbers, types."""
