"""Flax Linen networks, one family a file.

Every network is called as `network(inputs, train=..., key=...)`. Keys are [B], one an example, and
needed only by networks that are random in training. A field `axis_name` names the device axis over
which a network takes its batch statistics.
"""

HELPERS = ('wrappers',)
"""Modules that a config cannot name, because they are not networks."""
