"""Type aliases that several packages share."""

from typing import Any

PyTree = Any
"""A tree of arrays, as JAX defines it."""

Plain = dict[str, Any]
"""A config as JSON holds it: dicts, lists, strings, numbers, booleans."""

MetricsLine = dict[str, Any]
"""A line of metrics.jsonl: 'step', 'time', numbers by name, and values that are not numbers."""
