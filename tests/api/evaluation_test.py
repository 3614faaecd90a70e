"""Samples of a run against a set that the user gives."""

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.api import evaluation
from gan_jax.common.errors import ConfigError
from gan_jax.evaluation.evaluator import EvaluationProtocol
from gan_jax.game import Game
from helpers import toy_features

COLOR = Game({}, (), None, lambda variables, keys: jnp.zeros((len(keys), 4, 4, 3)))


def test_points_are_refused_as_real_examples_of_a_run_on_color_images():
  protocol = EvaluationProtocol(toy_features.NETWORK, {}, 2, 0)
  with pytest.raises(
    ConfigError, match=r'real=array: examples of shape \(2,\), and the run has \(4, 4, 3\)'
  ):
    evaluation._against(protocol, np.zeros((5, 2)), COLOR, {}, '')
