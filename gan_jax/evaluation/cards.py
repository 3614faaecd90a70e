"""Fields of score cards; cards of older versions lack some of them."""

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from gan_jax.config import schema
from gan_jax.metrics.features import FeatureNetwork
from gan_jax.runtime import jax_settings

NOT_COMPARED = ('compared', 'settings', 'remarks', 'jax_settings')
"""Fields that do not distinguish protocols: they follow from others, or only describe rounding."""


def remark(card: Mapping[str, Any] | None, name: str) -> str:
  """Returns the card's remark on the value of this name, or ''."""
  return ((card or {}).get('remarks') or {}).get(name, '')


def is_void(card: Mapping[str, Any] | None, name: str, value: float | None) -> bool:
  """Returns whether the protocol cannot give this value, as for the error of a single subset."""
  return value is None and bool(remark(card, name))


def without_place(card: Mapping[str, Any]) -> dict[str, Any]:
  """Returns a card without the name of its data, if the name only tells where the data lies.

  The digest in the card identifies the data.
  """
  named = 'data_digest' not in card or not schema.place_kind(card.get('data'))
  return {key: value for key, value in card.items() if named or key != 'data'}


def network_card(network: FeatureNetwork) -> dict[str, Any]:
  """Returns the entries of a card that name the feature network and the version of this package."""
  return {
    'features': network.name,
    'features_digest': network.digest,
    'resizer': network.resizer,
    **version_card(),
  }


def version_card() -> dict[str, Any]:
  """Returns the entries of a card that name the version of this package and unusual JAX settings."""
  return {'version': importlib.metadata.version('gan_jax'), **jax_settings.on_card()}
