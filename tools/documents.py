"""Tables of Markdown in documents, shared by the scripts in results/, benchmarks/ and docs/theory/."""

import pathlib
from collections.abc import Iterable, Sequence

BEGIN, END = '<!-- table -->', '<!-- end of table -->'


def row(cells: Iterable[str]) -> str:
  """Returns a row of a table."""
  return '| ' + ' | '.join(cells) + ' |'


def head(titles: Sequence[str]) -> list[str]:
  """Returns the two lines at the top of a table."""
  return [row(titles), row(['---'] * len(titles))]


def table(titles: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
  """Returns a table with these column titles."""
  return '\n'.join([*head(titles), *map(row, rows)])


def write_table(path: pathlib.Path, text: str) -> None:
  """Replaces the table between the markers `BEGIN` and `END` of a document."""
  before, _, rest = path.read_text().partition(BEGIN)
  path.write_text(f'{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}')
