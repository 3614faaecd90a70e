"""Names of scores and feature networks in papers and other packages, for errors that give ours."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gan_jax.common import lookup
from gan_jax.common.errors import ConfigError
from gan_jax.evaluation import scores


class Ours(NamedTuple):
  """What we call something.

  Attributes:
    name: to use, some with commas between them.
    note: a sentence on how it differs.
  """

  name: str
  note: str = ''


def _only(short: str) -> str:
  return f'the value is {short} only with features=inception'


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
}
"""{another name: our function of `gan_jax.evaluation.scores`}."""

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
"""{function of `gan_jax.evaluation.scores`: one of its values}, where their names differ."""

NETWORKS = {
  **_each('inception', 'inceptionv3 inception_v3 inception_v3_compat iv3 fid'),
  **_each('digits', 'mnist'),
  **_each('fashion', 'fashion_mnist fashionmnist'),
}
"""{another name: our feature network}."""


def values(network: str) -> dict[str, Ours]:
  """Returns {another name: our value}, as it is printed of the features of this network."""
  own = {name: Ours(name) for name in _VALUES} | {name: Ours(name) for name in _VALUES.values()}
  return {
    other: ours._replace(name=scores.printed(_VALUES.get(ours.name, ours.name), network))
    for other, ours in {**own, **SCORES}.items()
  }


def find(name: Any, others: Mapping[str, Ours]) -> Ours | None:
  """Returns what we call `name`, or None; `FID`, `fid50k_full` and `fid_inception` are read as fid."""
  text = _plain(name)
  tried = text, re.split(r'_?\d', text)[0], text.rpartition('_')[0]
  return next((others[name] for name in tried if name in others), None)


def _plain(name: Any) -> str:
  return re.sub(r'[-\s]+', '_', str(name).strip().lower())


def choose(key: str, name: Any, known: Iterable[str], kind: str, others: Mapping[str, Ours]) -> None:
  """Raises ConfigError, saying what to use, unless `name` is among what is `known`.

  Args:
    key: of the config, or the flag, that gives the name.
    name: that was given.
    known: our names.
    kind: of thing, in a word.
    others: as `SCORES`.
  """
  known = sorted(known)
  if name in known:
    return
  ours = find(name, others) or Ours(lookup.closest(_plain(name), known) or 'one of these')
  note = f'; {ours.note}' if ours.note else ''
  raise ConfigError(f'{key}={name}: no such {kind} ({", ".join(known)}); use {ours.name}{note}')
