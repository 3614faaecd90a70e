"""Measures what the time of a training step is spent on.

python benchmarks/breakdown.py [--cases=dcgan28,mlp]

The games are those of `benchmarks/peers.py`. Each case runs in a separate process on one core, where
the operations of the compiled program run one after another, and is traced by jax.profiler. The
script sums their times by purpose:

- products of matrices, and convolutions;
- other operations of networks and losses, forward and backward: transformations around products,
  activations, batch norm;
- random numbers, and the selection of examples;
- the rest: optimizers, norms of gradients, copies.

The remaining time lies between operations. It is negative if two threads share the core, because the
times of both count. The script prints a table, and writes it to benchmarks/BREAKDOWN.md.
"""

import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping

from absl import app, flags

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'tools'))

import documents
from peer_cases import CASES, machine

from gan_jax.common import output
from gan_jax.runtime import environment

OUT = pathlib.Path(__file__).parent / 'BREAKDOWN.md'
LEGEND = """\
The cases are those of [RESULTS.md](RESULTS.md). A step is traced on one core, where operations run one
after another. Tracing slows it, so times differ from those of RESULTS.md.

Products are those of matrices and convolutions, with their transposes and weight gradients. Other
network operations surround them forward and backward: transformations of tiles, activations, batch
norm. Random numbers include the selection of examples. The rest are optimizers, norms of gradients and
copies. Between operations are their dispatch and the tracing itself."""
_CASES = flags.DEFINE_list('cases', list(CASES), 'Cases to measure.')
_MEASURE = flags.DEFINE_string('measure', '', 'A single case to measure in this process.')
KINDS = (
  'products',
  'other network operations',
  'random numbers and examples',
  'the rest',
  'between operations',
)
_CONTAINERS = ('while', 'call', 'cond')
_SECONDS = 3.0
_PRODUCT = re.compile(r'dot_general|conv_general_dilated')
_RANDOM = re.compile(r'threefry|random|_normal|_uniform|gather')


def kind(name: str, jax_operation: str) -> str:
  """Returns the kind of an operation, from its name and the JAX operation that it implements."""
  is_product = name.startswith('ynn') and _PRODUCT.search(jax_operation)
  if is_product or name.startswith(('dot', 'convolution')):
    return 'products'
  if _RANDOM.search(jax_operation):
    return 'random numbers and examples'
  return 'other network operations' if 'jvp(' in jax_operation else 'the rest'


def jax_operations(program: str) -> dict[str, str]:
  """Returns {name of an operation: the JAX operation that it implements} from a program's text."""
  lines = re.findall(r'^\s*(?:ROOT )?%?([\w.\-]+) = (.*)$', program, re.MULTILINE)
  matches = {name: re.search(r'op_name="([^"]*)"', rest) for name, rest in lines}
  return {name: match[1] if match else '' for name, match in matches.items()}


def times(folder: str) -> collections.Counter:
  """Returns {name of an operation: total nanoseconds} of a trace."""
  import jax

  [path] = pathlib.Path(folder).glob('**/*.xplane.pb')
  planes = jax.profiler.ProfileData.from_file(str(path)).planes
  totals = collections.Counter()
  for event in (e for plane in planes for line in plane.lines for e in line.events):
    totals[event.name] += event.duration_ns
  return totals


def measure(name: str) -> Mapping[str, float]:
  """Returns the milliseconds of a step by kind, measured in this process."""
  import jax
  import peer_ours

  from gan_jax.runtime import devices

  devices.prepare()
  case = CASES[name]
  step, settings, state, feed = peer_ours.made(case)
  program = devices.Program(step, options=settings['compiler_options']).compiled(state, feed)

  def run(calls: int) -> float:
    nonlocal state
    start = time.perf_counter()
    for _ in range(calls):
      state, metrics = program(state, feed)
      jax.block_until_ready(metrics)
    return time.perf_counter() - start

  run(2)
  calls = max(round(_SECONDS / run(1)), 1)
  with tempfile.TemporaryDirectory() as folder:
    with jax.profiler.trace(folder):
      total = run(calls)
    traced = times(folder)
  known, milliseconds = jax_operations(program.as_text()), dict.fromkeys(KINDS, 0.0)
  for operation, nanoseconds in traced.items():
    if operation in known and not operation.startswith(_CONTAINERS):
      milliseconds[kind(operation, known[operation])] += nanoseconds / 1e6
  milliseconds['between operations'] = 1e3 * total - sum(milliseconds.values())
  return {key: value / (calls * case.steps) for key, value in milliseconds.items()}


def table(names: list[str]) -> Iterator[str]:
  """Yields the lines of the document; each case is measured in a separate process."""
  settings = f'`make breakdown`: one core; {machine()}; float32, percentages of the time.'
  yield from ('# Time of a training step by operation', '', settings, '', LEGEND, '')
  yield from documents.head(['case', 'ms per step', *KINDS])
  for name in names:
    command = [sys.executable, __file__, f'--measure={name}']
    process = subprocess.run(command, check=True, capture_output=True, text=True)
    milliseconds = json.loads(process.stdout.splitlines()[-1])
    total = sum(milliseconds.values())
    fractions = [f'{milliseconds[key] / total:.0%}' for key in KINDS]
    yield documents.row([name, f'{total:,.2f}', *fractions])


def main(unused_argv) -> None:
  """Measures, prints and writes the table."""
  if _MEASURE.value:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    print(json.dumps(measure(_MEASURE.value)))
    return
  lines = []
  for line in table(_CASES.value):
    print(line, flush=True)
    lines.append(line)
  OUT.write_text('\n'.join(lines) + '\n')


if __name__ == '__main__':
  output.protect()
  environment.prepare()
  app.run(main)
