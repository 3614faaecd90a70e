"""The code of docs/export.md runs."""

import re

import numpy as np

from gan_jax import export
from helpers import models
from helpers.experiments import ROOT

DOCS = (ROOT / 'docs' / 'export.md').read_text()
CHECKS = """
assert images.shape == (64, 28, 28, 1)
assert images.std() > 0
"""


def test_code_of_the_page_runs(finished_run, tmp_path, monkeypatch):
  for kind in ('safetensors', 'stablehlo'):
    export.write(finished_run, tmp_path / f'dcgan.{kind}')
  load, read, call = re.findall(r'```python\n(.*?)```', DOCS, re.S)
  monkeypatch.chdir(tmp_path)
  loaded, arrays = {}, {}
  exec(load, loaded)
  exec(read, arrays)
  assert loaded['step'] == 8
  kernel = loaded['variables'].params['generator']['Dense_0']['kernel']
  np.testing.assert_array_equal(arrays['weights']['params/generator/Dense_0/kernel'], kernel)
  assert arrays['config']['gan']['name'] == 'dcgan'
  models.run_without_gan_jax(call + CHECKS, tmp_path)
