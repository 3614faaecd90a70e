"""What a score card says beside the protocol; cards of older versions lack these fields."""

from collections.abc import Mapping
from typing import Any

NOT_COMPARED = ('compared', 'settings', 'remarks', 'jax_settings')
"""Fields that tell no protocols apart: they follow from the others, or only say how sums round."""


def remark(card: Mapping[str, Any] | None, name: str) -> str:
  """Returns what the card remarks on the value of this name, or ''."""
  return ((card or {}).get('remarks') or {}).get(name, '')


def is_void(card: Mapping[str, Any] | None, name: str, value: float | None) -> bool:
  """Returns whether the protocol gives no value of this name, as no error of a single subset."""
  return value is None and bool(remark(card, name))
