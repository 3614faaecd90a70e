"""Shared by tests of whole runs: experiments, the contents of run folders, and their comparison."""

import io
import json
import re
import shutil
import socket

import numpy as np
from PIL import Image
from tensorboardX.proto import event_pb2

from gan_jax.storage import checkpoints, metrics_log, workdir

DCGAN = '--config=experiments/dcgan.py:test'
# Starts faster than DCGAN.
GAN = '--config=experiments/gan.py:test'
LONG = ('--config.steps=60', '--config.sample_every=20', '--config.checkpoint_every=20')
SPEEDS = ('time', 'steps_per_second', 'images_per_second')


def free_port():
  with socket.socket() as s:
    s.bind(('127.0.0.1', 0))
    return s.getsockname()[1]


def lines(folder):
  """The metrics of a run without what depends on the clock."""
  text = (folder / metrics_log.METRICS).read_text()
  found = [json.loads(line) for line in text.splitlines()]
  return [{k: v for k, v in line.items() if k not in SPEEDS} for line in found]


def kept_in(folder, which=workdir.CHECKPOINTS):
  """The checkpoints of a run, opened for reading."""
  return checkpoints.opened(folder / which, workdir.read_config(folder))


def put(folder, key, value):
  """Sets 'a.b.c' of the config, as if the run had been made of it."""
  config = workdir.read_config(folder)
  with kept_in(folder) as kept:
    step, arrays = kept.newest(print)
  *above, last = key.split('.')
  place = config
  for part in above:
    place = place[part]
  place[last] = value
  workdir.write_config(folder, config)
  shutil.rmtree(folder / workdir.CHECKPOINTS)
  with checkpoints.writable(folder / workdir.CHECKPOINTS, config, keep=1) as kept:
    kept.save(step, arrays)


def arrays(folder, step):
  with kept_in(folder) as kept:
    return kept.read(step)


def events(folder):
  """The generator's losses as TensorBoard shows them: {step: value}."""
  return {step: value.simple_value for step, value in _shown(folder, 'generator/loss')}


def picture_events(folder):
  """The pictures as TensorBoard shows them: [(step, uint8 [height, width, 3])]."""
  shown = _shown(folder, metrics_log.PICTURE)
  return [
    (step, np.asarray(Image.open(io.BytesIO(value.image.encoded_image_string))))
    for step, value in shown
  ]


def _shown(folder, tag):
  """The events of a tag as TensorBoard shows them: later files replace repeated steps."""
  found = []
  for file in sorted(folder.glob('events.out.tfevents.*')):
    for record in tfrecords(file.read_bytes()):
      event = event_pb2.Event.FromString(record)
      if event.HasField('session_log'):
        found = [(step, value) for step, value in found if step < event.step]
      found += [(event.step, value) for value in event.summary.value if value.tag == tag]
  return found


def tfrecords(content):
  """The records of a TFRecord file: length, check sum, data, check sum."""
  while content:
    length = int.from_bytes(content[:8], 'little')
    yield content[12 : 12 + length]
    content = content[16 + length :]


def pictures(folder):
  return {p.name: p.read_bytes() for p in (folder / workdir.SAMPLES).glob('*.png')}


def assert_same_arrays(found, wanted):
  """Two mappings of arrays are the same bit for bit."""
  assert found.keys() == wanted.keys()
  for name, array in wanted.items():
    np.testing.assert_array_equal(found[name], array, err_msg=name)


def assert_same_run(one, other, step):
  assert_same_arrays(arrays(one, step), arrays(other, step))
  assert lines(one) == lines(other)
  assert pictures(one) == pictures(other)


def until(process, pattern):
  """Reads what a process prints up to a line with `pattern`."""
  for line in process.stdout:
    if re.search(pattern, line):
      return
  raise AssertionError(f'{pattern} never came: {process.stderr.read()}')
