"""The first steps of experiments in numbers: a change of one of them changes every result.

`PYTHONPATH=tests python -m helpers.golden_steps` prints golden_steps.json with the metrics of now.
Some cases change the config to train the discriminator by plain gradient descent. If a loss uses only
differences of outputs, or if the hinges of real and fake examples cancel, the gradient of the last bias
is 0 up to rounding. Adam would turn this rounding into a full step.
"""

import pytest

from helpers import golden_steps

CASES = golden_steps.read()


@pytest.mark.parametrize('name', CASES)
def test_first_step_metrics_match_golden(name):
  case = CASES[name]
  golden = {
    metric: pytest.approx(value, **golden_steps.tolerance(case, metric))
    for metric, value in case['metrics'].items()
  }
  assert golden_steps.measure(case) == golden
