"""Scores of a run."""


def evaluate_run(folder, **settings):
  raise NotImplementedError
