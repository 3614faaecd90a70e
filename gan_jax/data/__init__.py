"""Data sources, one per file: `load(seed, batch_size, ...) -> Source`.

A batch is a pure function of the seed and the index of the batch, and so is each of its rows. Every
device computes its rows of the global batch, for any number of devices. The batches are the same
whether the data is resident on the devices or streamed from a disk.
"""

HELPERS = ('combinators', 'source')
"""Modules that a config cannot name, because they are not sources of data."""
