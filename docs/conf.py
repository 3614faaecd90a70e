"""Sphinx configuration of the documentation, which `make docs` builds into build/docs."""

import pathlib
import re
import shutil
import sys

from sphinx.application import Sphinx

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / '_ext')]

import gan_jax  # noqa: E402

project = 'gan_jax'
author = 'The gan_jax authors'
project_copyright = author

extensions = [
  'myst_parser',
  'sphinx.ext.autodoc',
  'sphinx.ext.napoleon',
  'plain_docstrings',
  'sphinx-mathjax-offline',
]
exclude_patterns = ['theory/*', 'skeletons/*']
# Functions appear in the order of their modules, with short names of types.
autodoc_member_order = 'bysource'
autodoc_typehints = 'signature'
autodoc_typehints_format = 'short'
autodoc_default_options = {'members': True}
add_module_names = False
python_use_unqualified_type_names = True
# Types are shown as they are written, e.g. PyTree, and calls of defaults without their results.
autodoc_preserve_defaults = True
napoleon_custom_sections = [('Keys', 'params_style')]
napoleon_use_ivar = True
napoleon_attr_annotations = False
napoleon_use_rtype = False

# Docstrings quote values of keys.
smartquotes = False
myst_enable_extensions = ['dollarmath', 'colon_fence', 'deflist', 'fieldlist', 'linkify']
myst_heading_anchors = 4
myst_linkify_fuzzy_links = False

nitpicky = True
# Classes of other packages: their inventories would need the network.
nitpick_ignore = [('py:class', 'gan_jax.runtime.devices.Collectives')]
nitpick_ignore_regex = [('py:.*', r'(?!gan_jax\.).*')]
# `make docs` checks links inside the site; it runs without a network.
linkcheck_ignore = [r'https?://']

html_theme = 'sphinx_book_theme'
html_title = f'gan_jax {gan_jax.__version__}' if hasattr(gan_jax, '__version__') else 'gan_jax'
html_static_path = ['_static']
html_css_files = ['site.css']
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
  'show_toc_level': 2,
  'use_download_button': False,
  'use_fullscreen_button': False,
}


def _relink(app: Sphinx, name: str, source: list[str]) -> None:
  """Lets links to results and benchmarks lead to the pages here that include these files."""
  source[0] = re.sub(r'\]\(\.\./(?=(?:results|benchmarks)/)', '](', source[0])


def _copy_samples(app: Sphinx, error: Exception | None) -> None:
  """Copies the images that results show by HTML, which Sphinx does not read."""
  if not error and app.builder.format == 'html':
    results = HERE.parent / 'results'
    for image in results.glob('*/*.png'):
      copy = pathlib.Path(app.outdir) / 'results' / image.relative_to(results)
      copy.parent.mkdir(parents=True, exist_ok=True)
      shutil.copy(image, copy)


def setup(app: Sphinx) -> None:
  """Connects both."""
  app.connect('source-read', _relink)
  app.connect('build-finished', _copy_samples)
