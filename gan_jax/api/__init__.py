"""The Python API: the functions that the commands call too."""
