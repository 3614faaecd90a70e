"""Claims: a measured number beside the number that theory gives."""

from typing import NamedTuple

import numpy as np


class Row(NamedTuple):
  """A line of the table.

  Attributes:
    what: the measured quantity.
    function: the function of `gan_jax` that the claim is about.
    measured: a number, or the eigenvalues of a matrix.
    theory: the same by a formula.
    within: the largest difference that the claim allows; None for a comparison without a claim.
  """

  what: str
  function: str
  measured: float | np.ndarray
  theory: float | np.ndarray
  within: float | None

  @property
  def holds(self) -> bool:
    """Whether every measured number is within the allowed difference from its theory."""
    diff = np.abs(np.asarray(self.measured) - np.asarray(self.theory)).max()
    return self.within is None or bool(diff <= self.within)


def table(sections: dict[str, list[Row]]) -> str:
  """Returns all rows as one table of Markdown, by section."""
  lines = ['| claim | measured | theory | allowed | `gan_jax.` |', '|---|---|---|---|---|']
  for section, rows in sections.items():
    lines.append(f'| **{section}** | | | | |')
    for row in rows:
      allowed = 'compared' if row.within is None else f'{row.within:g}'
      numbers = f'{_text(row.measured)} | {_text(row.theory)} | {allowed}'
      lines.append(f'| {row.what} | {numbers} | `{row.function}` |')
  return '\n'.join(lines)


def _text(value: float | np.ndarray) -> str:
  """Formats a number, or eigenvalues, where a conjugate pair is one entry."""
  if np.ndim(value) == 0:
    return _number(value)
  upper = [v for v in np.atleast_1d(value) if v.imag >= -5e-4]
  return ', '.join(dict.fromkeys(_eigenvalue(v) for v in upper))


def _number(value: float) -> str:
  tiny = value != 0 and abs(value) < 1e-3
  return f'{value:.1e}' if tiny else f'{value + 0:.4f}'


def _eigenvalue(value: complex) -> str:
  real, imaginary = (round(float(x), 3) + 0.0 for x in (value.real, value.imag))
  if not imaginary:
    return f'{real:.3f}'
  sign = f'± {imaginary:.3f}i'
  return f'{real:.3f} {sign}' if real else sign
