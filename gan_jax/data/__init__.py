"""Sources of examples, one a file: load(seed, batch_size, ...) -> Source.

A batch is a pure function of the seed and the number of the draw, and each of its rows can be had
alone: every device makes its own rows of the global batch, whatever the number of devices, and whether
the data lies in the memory of the devices or is read from a disk as it is needed.
"""

HELPERS = ('source',)
"""Modules that a config cannot name, because they are not sources of data."""
