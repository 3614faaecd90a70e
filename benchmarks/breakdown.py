"""Where the time of a training step goes: python benchmarks/breakdown.py [--cases=dcgan28,mlp].

The games are those of `benchmarks/peers.py`. Each runs in a process of its own on one core, where
operations of the compiled program follow one another, and is traced by jax.profiler. Their times are
summed by what they are for: products (of matrices, and convolutions), what else the networks and
losses do forward and backward (transformations around products, activations, batch norm), random
numbers with the choice of examples, and the rest (optimizers, norms of gradients, copies). What no
operation accounts for is between them; it is below zero where two threads take turns on the core, as
the times of both count then. Printed, and written to benchmarks/BREAKDOWN.md.
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

from peer_cases import CASES, machine

from gan_jax.common import output
from gan_jax.runtime import environment

OUT = pathlib.Path(__file__).parent / 'BREAKDOWN.md'
LEGEND = """A step is traced on one core, where operations follow one another, and tracing slows it:
times are not those of [RESULTS.md](RESULTS.md), whose cases these are. Products are those of matrices
and convolutions, with their transposes and weight gradients; the rest of networks and losses is what
surrounds them forward and backward: transformations of tiles, activations, batch norm. Random numbers
come with the choice of examples; the rest are optimizers, norms of gradients and copies. Between
operations nothing runs that the trace knows: their dispatch, and the tracing itself."""
_CASES = flags.DEFINE_list('cases', list(CASES), 'Which.')
_MEASURE = flags.DEFINE_string('measure', '', 'One case, in this process.')
KINDS = (
  'products',
  'the rest of networks and losses',
  'random numbers and examples',
  'the rest',
  'between',
)
_CONTAINERS = ('while', 'call', 'cond')
_SECONDS = 3.0
_PRODUCT = re.compile(r'dot_general|conv_general_dilated')
_RANDOM = re.compile(r'threefry|random|_normal|_uniform|gather')


def kind(name: str, made_for: str) -> str:
  """Of an operation, by its name and the JAX operation that it was made for."""
  if name.startswith(('dot', 'convolution')) or name.startswith('ynn') and _PRODUCT.search(made_for):
    return 'products'
  if _RANDOM.search(made_for):
    return 'random numbers and examples'
  return 'the rest of networks and losses' if 'jvp(' in made_for else 'the rest'


def made_for(program: str) -> dict[str, str]:
  """{name of an operation: the JAX operation that it was made for}, from the text of a program."""
  lines = re.findall(r'^\s*(?:ROOT )?%?([\w.\-]+) = (.*)$', program, re.MULTILINE)
  found = {name: re.search(r'op_name="([^"]*)"', rest) for name, rest in lines}
  return {name: match[1] if match else '' for name, match in found.items()}


def times(folder: str) -> collections.Counter:
  """{name of an operation: nanoseconds in all} of a trace."""
  import jax

  [path] = pathlib.Path(folder).glob('**/*.xplane.pb')
  planes = jax.profiler.ProfileData.from_file(str(path)).planes
  found = collections.Counter()
  for event in (e for plane in planes for line in plane.lines for e in line.events):
    found[event.name] += event.duration_ns
  return found


def measure(name: str) -> Mapping[str, float]:
  """Milliseconds of a step by kind, in this process."""
  import jax
  import peer_ours

  from gan_jax.runtime import devices

  devices.prepare()
  case = CASES[name]
  step, settings, state, feed = peer_ours.made(case)
  program = devices.Program(step, options=settings['compiler_options']).compiled(state, feed)

  def run(calls: int) -> float:
    nonlocal state
    began = time.perf_counter()
    for _ in range(calls):
      state, metrics = program(state, feed)
      jax.block_until_ready(metrics)
    return time.perf_counter() - began

  run(2)
  calls = max(round(_SECONDS / run(1)), 1)
  with tempfile.TemporaryDirectory() as folder:
    with jax.profiler.trace(folder):
      whole = run(calls)
    traced = times(folder)
  known, found = made_for(program.as_text()), dict.fromkeys(KINDS, 0.0)
  for operation, nanoseconds in traced.items():
    if operation in known and not operation.startswith(_CONTAINERS):
      found[kind(operation, known[operation])] += nanoseconds / 1e6
  found['between'] = 1e3 * whole - sum(found.values())
  return {key: value / (calls * case.steps) for key, value in found.items()}


def table(names: list[str]) -> Iterator[str]:
  """The lines of the document; each case is measured in a process of its own."""
  said = f'`make breakdown`: one core; {machine()}; float32, shares of the time by kind.'
  yield from ('# Where the time of a step goes', '', said, '', LEGEND, '')
  head = ['case', 'ms a step', *KINDS]
  yield from ('| ' + ' | '.join(row) + ' |' for row in (head, ['---'] * len(head)))
  for name in names:
    command = [sys.executable, __file__, f'--measure={name}']
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = json.loads(said.splitlines()[-1])
    whole = sum(found.values())
    shares = [f'{found[key] / whole:.0%}' for key in KINDS]
    yield '| ' + ' | '.join([name, f'{whole:,.2f}', *shares]) + ' |'


def main(unused_argv) -> None:
  """Measures, prints and writes."""
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
