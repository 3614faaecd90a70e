"""Commands can all be imported into one process."""

import subprocess
import sys

from gan_jax import commands
from helpers.experiments import ROOT

SCRIPT = """
import importlib, sys
from absl import flags
from gan_jax import commands
assert 'jax' not in sys.modules, 'gan_jax.commands imports jax'
for verb in commands.VERBS:
  importlib.import_module(f'gan_jax.commands.{verb}')
# Chex and Orbax define flags of their own.
print([module for module in flags.FLAGS.flags_by_module_dict() if module.startswith('gan_jax')])
"""


def test_commands_in_one_process_define_no_global_flags():
  done = subprocess.run(
    [sys.executable, '-c', SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stderr
  assert done.stdout == '[]\n'


def test_verbs_are_the_files():
  assert commands.VERBS == (
    'evaluate',
    'export',
    'list',
    'prepare_data',
    'report',
    'sample',
    'show_data',
    'study',
    'train',
  )
