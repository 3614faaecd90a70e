"""Commands of the package in separate processes."""

import json
import os
import subprocess
import sys

from helpers import xla_flags
from helpers.experiments import ROOT


def start(*arguments: str, verb: str = 'train', **settings) -> subprocess.Popen:
  """Starts a command of the package as a user would, in a separate process, see `python`."""
  return python('-m', 'gan_jax', verb, *arguments, **settings)


def python(
  *arguments: str, devices: int = 1, emitters: bool = True, platforms: str = 'cpu', **settings
) -> subprocess.Popen:
  """Starts Python in the root of the repository, with the helpers importable, see `xla_flags.of`."""
  return subprocess.Popen(
    [sys.executable, *arguments],
    cwd=ROOT,
    env=os.environ
    | {
      'XLA_FLAGS': xla_flags.of(devices, emitters),
      'JAX_PLATFORMS': platforms,
      'PYTHONPATH': str(ROOT / 'tests'),
    },
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
    **settings,
  )


def finish(process: subprocess.Popen) -> subprocess.CompletedProcess:
  """Its exit code and what it printed."""
  try:
    out, err = process.communicate(timeout=200)
  finally:
    process.kill()
  return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def command(*arguments: str, **settings) -> subprocess.CompletedProcess:
  """Runs a command of the package to its end."""
  return finish(start(*arguments, **settings))


_FORKING = """
import importlib, json, os, sys, tempfile, traceback
from gan_jax import cli
command = importlib.import_module('gan_jax.commands.' + sys.argv[1])

def run(arguments):
  streams = [tempfile.TemporaryFile('w+') for _ in range(2)]
  child = os.fork()
  if not child:
    for number, stream in enumerate(streams, start=1):
      os.dup2(stream.fileno(), number)
    sys.argv, code = [command.__name__, *arguments], 1
    try:
      cli.run(command.main)
    except SystemExit as end:
      code = end.code or 0
    except BaseException:
      traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
  code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
  said = []
  for stream in streams:
    stream.seek(0)
    said.append(stream.read())
  return code, *said

print(json.dumps([run(arguments) for arguments in json.load(sys.stdin)]))
"""


def forks(
  commands: dict[str, list[str]], verb: str = 'train', devices: int = 1
) -> dict[str, subprocess.CompletedProcess]:
  """Runs commands of the package to their ends, each in a fork of one process that has imported it.

  For many that end soon: importing takes longer than they do.
  """
  process = python('-c', _FORKING, verb, devices=devices, stdin=subprocess.PIPE)
  out, err = process.communicate(json.dumps(list(commands.values())), timeout=400)
  assert process.returncode == 0, err
  ends = zip(commands.items(), json.loads(out), strict=True)
  return {name: subprocess.CompletedProcess(given, *end) for (name, given), end in ends}
