"""Flax Linen networks, one family per file.

Every network is called as `network(inputs, train=..., key=...)`. The keys are [B], one per example;
only networks that are random in training need them. A field `axis_name` names the device axis over
which a network computes its batch statistics.
"""

HELPERS = ('wrappers',)
"""Modules that a config cannot name, because they are not networks."""
