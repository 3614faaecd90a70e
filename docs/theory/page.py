"""The numbers in the text of docs/theory.md, which are those of its table.

A number stands between two comments: `<!--d-error-->0.0071<!--/-->` shows an entry of `NUMBERS`.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

BEGIN, END = '<!-- table -->', '<!-- end of table -->'
MARKED = re.compile(r'(?P<opening><!--(?P<name>[a-z][a-z0-9-]*)-->)(?P<shown>.*?)(?P<closing><!--/-->)')


class Numbers(NamedTuple):
  """The numbers of a claim, as the table prints them."""

  measured: str
  theory: str
  allowed: str


def _excess(row: Numbers) -> str:
  return f'{100 * (float(row.measured) / float(row.theory) - 1):.1f} %'


FORMS: Mapping[str, Callable[[Numbers], str]] = {
  'measured': lambda row: row.measured,
  'theory': lambda row: row.theory,
  'allowed': lambda row: row.allowed,
  'percent': lambda row: f'{100 * float(row.measured):.1f} %',
  'two decimals': lambda row: f'{float(row.measured):.2f}',
  'above theory': _excess,
}
"""How a number can be shown: as in the table, or rounded, or by how much it exceeds the theory."""


NUMBERS = {
  'd-error': ('largest error of D, to p / (p + q)', 'measured'),
  'd-mass': ('fraction of p + q where this is claimed', 'percent'),
  'value': ('V(D, G), to -log 4 + 2 JSD', 'measured'),
  'best-value': ('V(D, G), to -log 4 + 2 JSD', 'theory'),
  'jsd': ('JSD of disjoint supports, 1 apart', 'measured'),
  'w1': ('W1 of disjoint supports, 1 apart', 'measured'),
  'w1-derivative': ('its derivative in the shift (W1)', 'measured'),
  'far-probability': ('mean D of distant fakes', 'measured'),
  'saturation': ('gradient, saturating / not', 'measured'),
  'chi-square': ('least_squares(-1, 1, 0): derivative in the mean, to that of χ² / 2', 'theory'),
  'least-squares-110': (
    'least_squares(-1, 1, 0): derivative in the mean, to that of χ² / 2',
    'measured',
  ),
  'least-squares-011': (
    'least_squares(0, 1, 1): derivative in the mean, to that of χ² / 2',
    'measured',
  ),
  'f-allowed': ('gan: trained', 'allowed'),
  'tv-trained': ('total_variation: trained', 'measured'),
  'tv': ('total_variation: trained', 'theory'),
  'tv-informed': ('total_variation: trained from cross-entropy', 'measured'),
  'critic-w1': ('λ = 10: estimate, to W1', 'theory'),
  'turn-minimax': ('minimax', 'measured'),
  'turn-kl': ('kl', 'measured'),
  'turn-wasserstein': ('wasserstein', 'measured'),
  'turn-r1': ('non_saturating, R1, γ = 0.6', 'measured'),
  'turn-consensus': ('non_saturating, consensus, γ = 1', 'measured'),
  'turn-one-sided': ('wasserstein, one-sided gradient penalty', 'measured'),
  'turn-lecam': ('non_saturating, LeCam', 'measured'),
  'turn-least-squares': ('least_squares(-1, 1, 1)', 'measured'),
  'turn-default': ('least_squares(0, 1, 1)', 'measured'),
  'turn-default-biased': ('least_squares(0, 1, 1), with a bias', 'measured'),
  'turn-middle-biased': ('least_squares(-1, 1, 0), with a bias', 'measured'),
  'far-simultaneous': ('Wasserstein: distance after 500 steps from (1, 1)', 'two decimals'),
  'far-extragradient': (
    'Wasserstein, extragradient: distance after 500 steps from (1, 1)',
    'two decimals',
  ),
  'critic-10': ('λ = 10: estimate, to W1', 'measured'),
  'critic-10-theory': ('λ = 10: estimate, to W1 + surplus', 'theory'),
  'critic-10-excess': ('λ = 10: estimate, to W1', 'above theory'),
  'critic-10-mean': ('λ = 10: mean gradient norm along transport, to 1 + ...', 'measured'),
  'critic-10-worst': ('λ = 10: largest distance of a gradient norm from 1', 'measured'),
  'critic-100': ('λ = 100: estimate, to W1', 'measured'),
  'critic-100-theory': ('λ = 100: estimate, to W1 + surplus', 'theory'),
  'critic-100-excess': ('λ = 100: estimate, to W1', 'above theory'),
  'critic-100-mean': ('λ = 100: mean gradient norm along transport, to 1 + ...', 'measured'),
  'critic-100-worst': ('λ = 100: largest distance of a gradient norm from 1', 'measured'),
  'critic-one-sided': ('λ = 100, one-sided: estimate, to W1', 'measured'),
  'critic-one-sided-theory': ('λ = 100, one-sided: estimate, to W1 + surplus', 'theory'),
  'critic-one-sided-excess': ('λ = 100, one-sided: estimate, to W1', 'above theory'),
  'critic-one-sided-mean': (
    'λ = 100, one-sided: mean gradient norm along transport, to 1 + ...',
    'measured',
  ),
  'critic-one-sided-worst': (
    'λ = 100, one-sided: largest distance of a gradient norm from 1',
    'measured',
  ),
}
"""{name: (claim of the table, form in which it is shown)}."""


def rows(page: str) -> dict[str, Numbers]:
  """Returns {claim: its numbers} from the table of a page."""
  table = page.split(BEGIN)[1].split(END)[0]
  cells = [line.strip('| ').split(' | ') for line in table.splitlines() if line.startswith('| ')]
  return {row[0]: Numbers(*row[1:4]) for row in cells if len(row) == 5}


def with_table(page: str, table: str) -> str:
  """Returns the page with another table, and with the numbers of that table in its text.

  Raises:
    KeyError: a name in the text is not in `NUMBERS`, or its claim is not in the table.
  """
  before, after = page.split(BEGIN)[0], page.split(END)[1]
  page = f'{before}{BEGIN}\n\n{table}\n\n{END}{after}'
  numbers = rows(page)

  def shown(match: re.Match) -> str:
    claim, form = NUMBERS[match['name']]
    return f'{match["opening"]}{FORMS[form](numbers[claim])}{match["closing"]}'

  return MARKED.sub(shown, page)
