"""Output of a run."""

from gan_jax.run import progress


def test_score_without_a_value_is_printed_as_a_dash(capsys):
  progress.Progress(0, 8).scored(4, {'kernel_x': 1.5, 'kernel_error_x': None})
  assert capsys.readouterr().out == 'step 4/8  kernel_x 1.5, kernel_error_x -\n'
