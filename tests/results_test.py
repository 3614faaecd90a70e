"""The tables of results are those of the noted runs, of experiments as they are now."""

import importlib
import pathlib
import shutil

import pytest

from helpers.experiments import ROOT


@pytest.mark.parametrize('name', ['mixtures', 'digits', 'scores'])
def test_table_matches_what_its_command_writes(name, tmp_path, monkeypatch):
  monkeypatch.syspath_prepend(ROOT / 'results')
  command = importlib.import_module(name)
  kept, copy = command.TABLE, pathlib.Path(shutil.copy(command.TABLE, tmp_path))
  monkeypatch.setattr(command, 'TABLE', copy)
  command.write_table()
  assert copy.read_text() == kept.read_text()
