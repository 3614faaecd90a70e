"""Scores of features against what pytorch-fid, torch-fidelity and prdc made of them, see parity/."""

import pathlib

import numpy as np
import pytest

from parity import ours

VECTORS = np.load(pathlib.Path(__file__).parents[1] / 'parity' / 'vectors.npz')


@pytest.mark.parametrize(('dtype', 'relative'), [(np.float64, 1e-6), (np.float32, 1e-3)])
def test_every_score_matches_the_reference_packages(dtype, relative):
  found = ours.every(*(VECTORS[name].astype(dtype) for name in ('real', 'fake', 'logits')))
  expected = dict(zip(VECTORS['names'].tolist(), VECTORS['values'].tolist(), strict=True))
  assert len(expected) == 22
  assert found == pytest.approx(expected, rel=relative, abs=1e-12)
