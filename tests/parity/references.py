"""Metrics of pytorch-fid, torch-fidelity and prdc for features, by the names that are compared."""

import os

# An OpenMP that spins while it waits makes torch several times slower beside another busy process.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import contextlib
import io
import warnings

import numpy as np
import torch

try:
  import torchvision  # noqa: F401
except RuntimeError:
  # torchvision built for CUDA cannot load its operators beside torch for CPUs, and fails for want of
  # two of them. No score uses them: to declare them is enough.
  library = torch.library.Library('torchvision', 'FRAGMENT')
  for operator in ('nms', 'qnms'):
    library.define(operator + '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')

import prdc as prdc_package
from pytorch_fid import fid_score
from torch_fidelity import metric_fid, metric_isc, metric_kid, metric_prc

SEED = 2020
"""That of torch-fidelity unless told otherwise."""

warnings.filterwarnings('ignore', category=DeprecationWarning)


def pytorch_fid(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
  """As its calculate_activation_statistics, which keeps features in float64."""
  statistics = [(x.mean(axis=0), np.cov(x, rowvar=False)) for x in (real, fake)]
  return {'frechet (pytorch-fid)': float(fid_score.calculate_frechet_distance(*sum(statistics, ())))}


def fidelity_fid(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
  statistics = [metric_fid.fid_features_to_statistics(torch.from_numpy(x)) for x in (fake, real)]
  found = metric_fid.fid_statistics_to_metric(*statistics, verbose=False)
  return {'frechet (torch-fidelity)': found[metric_fid.KEY_METRIC_FID]}


def fidelity_kid(real: np.ndarray, fake: np.ndarray, subsets: int, size: int) -> dict[str, float]:
  found = metric_kid.kid_features_to_metric(
    torch.from_numpy(fake),
    torch.from_numpy(real),
    kid_subsets=subsets,
    kid_subset_size=size,
    rng_seed=SEED,
    verbose=False,
  )
  name = f'kernel, {subsets} of {size}'
  return {
    f'{name}: value': found[metric_kid.KEY_METRIC_KID_MEAN],
    f'{name}: deviation': found[metric_kid.KEY_METRIC_KID_STD],
  }


def fidelity_isc(logits: np.ndarray, splits: int, shuffle: bool) -> dict[str, float]:
  found = metric_isc.isc_features_to_metric(torch.from_numpy(logits), splits, shuffle, SEED)
  name = f'inception, {splits} splits, {"shuffled" if shuffle else "in order"}'
  return {
    f'{name}: mean': found[metric_isc.KEY_METRIC_ISC_MEAN],
    f'{name}: deviation': found[metric_isc.KEY_METRIC_ISC_STD],
  }


def fidelity_prc(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
  features = torch.from_numpy(fake), torch.from_numpy(real)
  found = metric_prc.prc_features_to_metric(*features, prc_neighborhood=k, verbose=False)
  return {f'{name}, k {k} (torch-fidelity)': found[name] for name in ('precision', 'recall')}


def prdc(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
  with contextlib.redirect_stdout(io.StringIO()):
    found = prdc_package.compute_prdc(real, fake, k)
  return {f'{name}, k {k} (prdc)': float(value) for name, value in found.items()}


def every(real: np.ndarray, fake: np.ndarray, logits: np.ndarray) -> dict[str, float]:
  """All of them; of at least 250 real and fake examples."""
  return (
    pytorch_fid(real, fake)
    | fidelity_fid(real, fake)
    | fidelity_kid(real, fake, 20, 100)
    | fidelity_kid(real[:250], fake[:250], 1, 250)
    | fidelity_isc(logits, 10, True)
    | fidelity_isc(logits, 10, False)
    | fidelity_isc(logits, 7, True)
    | fidelity_prc(real, fake, 3)
    | prdc(real, fake, 3)
    | prdc(real, fake, 5)
  )
