"""The golden metrics of first steps (tests/experiments/golden_steps.json), and how to print them again.

    PYTHONPATH=tests python -m helpers.golden_steps [--write]

Prints the file with the metrics measured now; --write replaces the file. A number stays as it is in the
file if the measured one is within its tolerance, so that rounding does not change the file.
"""

import argparse
import json
import math
from typing import Any

from helpers.experiments import ROOT, first_step

PATH = ROOT / 'tests' / 'experiments' / 'golden_steps.json'

Case = dict[str, Any]
"""An experiment, its preset, `changes` of its config, tolerances, and the metrics of its first step."""


def read() -> dict[str, Case]:
  """Returns {'experiment:preset': case}."""
  return json.loads(PATH.read_text())


def measure(case: Case) -> dict[str, float]:
  """Returns the metrics of the case's first step, to six digits."""
  path = ROOT / 'experiments' / f'{case["experiment"]}.py'
  return first_step(path, case['preset'], **case.get('changes', {}))


def tolerance(case: Case, metric: str) -> dict[str, float]:
  """Returns {'rel', 'abs'}, of which the larger one counts; `tighter` in the file has exceptions."""
  return case.get('tighter', {}).get(metric, case['tolerance'])


def is_close(case: Case, metric: str, value: float) -> bool:
  """Whether `value` is within the tolerance of the golden value of `metric`."""
  allowed = tolerance(case, metric)
  golden = case['metrics'].get(metric, math.nan)
  return math.isclose(
    value, golden, rel_tol=0, abs_tol=max(allowed['rel'] * abs(golden), allowed['abs'])
  )


def again(case: Case) -> Case:
  """Returns the case with the metrics that are measured now."""
  metrics = {
    name: case['metrics'][name] if is_close(case, name, value) else value
    for name, value in measure(case).items()
  }
  return {**case, 'metrics': metrics}


def main() -> None:
  parser = argparse.ArgumentParser(description='Measures the golden first steps of experiments.')
  parser.add_argument('--write', action='store_true', help='replace the file instead of printing')
  write = parser.parse_args().write
  text = json.dumps({name: again(case) for name, case in read().items()}, indent=2) + '\n'
  if write:
    PATH.write_text(text)
  else:
    print(text, end='')


if __name__ == '__main__':
  main()
