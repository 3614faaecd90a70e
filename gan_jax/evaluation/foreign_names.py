"""Names that papers and other packages use for our scores and feature networks, for errors."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gan_jax.common import extensions
from gan_jax.common.errors import UnknownNameError
from gan_jax.common.spelling import closest
from gan_jax.evaluation import scores


class Ours(NamedTuple):
  """Our name of a score or a feature network.

  Attributes:
    name: the name to use; several names are separated by commas.
    note: how our score differs, without a capital or a full stop.
  """

  name: str
  note: str = ''


def _only(short: str) -> str:
  return f'the value is {short} only with features=inception'


_CAS = 'it trains on features, and papers train ResNet-50 on images'


def _each(name: str, others: str, note: str = '') -> dict[str, Ours]:
  return {other: Ours(name, note) for other in others.split()}


SCORES = {
  **_each('frechet_distance', 'frechet fd'),
  **_each('frechet_distance', 'fid clean_fid cleanfid frechet_inception_distance', _only('FID')),
  **_each('kernel_distance', 'kernel kd mmd mmd2'),
  **_each('kernel_distance', 'kid kernel_inception_distance', _only('KID')),
  **_each('inception', 'inception_score'),
  **_each('inception', 'is isc', 'the value is that of papers only with features=inception'),
  **_each('precision_recall', 'pr prc p&r ipr precision recall improved_precision_recall'),
  **_each('density_coverage', 'dc d&c density coverage'),
  **_each('precision_recall,density_coverage', 'prdc'),
  **_each('sliced_wasserstein', 'sw sliced_wasserstein_distance'),
  **_each('sliced_wasserstein', 'swd', "ProGAN's distance of patches is sliced_patches"),
  **_each('ms_ssim_diversity', 'msssim ms_ssim ssim'),
  **_each('memorized', 'memorization copied ct'),
  **_each('support', 'birthday birthday_paradox'),
  **_each('intra_frechet', 'intra_fid intrafid', _only('intra-FID')),
  **_each('intra_frechet', 'intra_fd'),
  **_each('classification_accuracy', 'cas classification_accuracy_score', _CAS),
}
"""{another name: our name in `scores.SCORES`}."""

_VALUES = {
  'frechet_distance': 'frechet',
  'kernel_distance': 'kernel',
  'inception': 'inception_score',
  'precision_recall': 'precision',
  'density_coverage': 'coverage',
  'precision_recall,density_coverage': 'precision',
  'ms_ssim_diversity': 'ms_ssim',
  'memorized': 'copied',
}
"""{name in `scores.SCORES`: the most common of its values}, where the two names differ."""

NETWORKS = {
  **_each('inception', 'inceptionv3 inception_v3 inception_v3_compat iv3 fid'),
  **_each('digits', 'mnist'),
  **_each('fashion', 'fashion_mnist fashionmnist'),
  **_each('dinov2', 'dino dino_v2 dinov2_large dinov2_vitl14 vitl14'),
  **_each('dinov2_base', 'dinov2_vitb14 vitb14'),
  **_each('dinov2_small', 'dinov2_vits14 vits14'),
}
"""{another name: our feature network}."""


def values(network: str) -> dict[str, Ours]:
  """Returns {another name: our value}, with the value as it is printed for a feature network."""
  ours_too = {name: Ours(name) for names in _VALUES.items() for name in names}
  return {
    other: Ours(scores.printed(_VALUES.get(ours.name, ours.name), network), ours.note)
    for other, ours in {**ours_too, **SCORES}.items()
  }


def find(name: Any, others: Mapping[str, Ours]) -> Ours | None:
  """Returns our name of `name`, or None; `FID`, `fid50k_full` and `fid_inception` all mean fid."""
  text = _plain(name)
  candidates = text, re.split(r'_?\d', text)[0], text.rpartition('_')[0]
  return next((others[name] for name in candidates if name in others), None)


def _plain(name: Any) -> str:
  return re.sub(r'[-\s]+', '_', str(name).strip().lower())


def choose(key: str, name: Any, names: Iterable[str], kind: str, others: Mapping[str, Ours]) -> None:
  """Raises ConfigError, with the name to use, unless `name` is one of our `names` or of the user's.

  Args:
    key: the key of the config, or the flag, that has the name as its value.
    name: the name to check.
    names: our names, and those of extensions.
    kind: what is named, in a word or two, e.g. 'score'.
    others: our names by other names, e.g. `SCORES`.
  """
  names = sorted(names)
  if name in names:
    return
  ours = find(name, others) or Ours(closest(_plain(name), names) or 'one of these')
  note = f'; {ours.note}' if ours.note else ''
  more = '' if find(name, others) else f'; {extensions.MORE}'
  raise UnknownNameError(
    f'{key}={name}: no such {kind} ({", ".join(names)}{more}); use {ours.name}{note}'
  )
