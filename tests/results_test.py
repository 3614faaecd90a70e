"""The tables of results match the records, for the current configs of the experiments."""

import importlib
import pathlib
import shutil

import pytest

from helpers.experiments import ROOT


@pytest.mark.parametrize('name', ['mixtures', 'digits', 'scores', 'labels', 'emoji'])
def test_table_matches_what_its_command_writes(name, tmp_path, monkeypatch):
  monkeypatch.syspath_prepend(ROOT / 'results')
  command = importlib.import_module(name)
  table = command.TABLE
  copy = pathlib.Path(shutil.copy(table, tmp_path))
  monkeypatch.setattr(command, 'TABLE', copy)
  command.write_table()
  assert copy.read_text() == table.read_text()
