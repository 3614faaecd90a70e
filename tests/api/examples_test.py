"""The examples in the docstrings of the Python API."""

import doctest
import importlib

import pytest

from gan_jax.common import extensions

MODULES = (
  'gan_jax.api.configs',
  'gan_jax.api.extension',
  'gan_jax.api.run',
  'gan_jax.api.training',
  'gan_jax.api.scoring',
  'gan_jax.data.arrays',
  'gan_jax.testing',
)


@pytest.mark.parametrize('name', MODULES)
def test_examples_in_docstrings_print_what_they_say(name, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  module = importlib.import_module(name)
  with extensions.restored():
    failed, tried = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
  assert tried
  assert not failed
