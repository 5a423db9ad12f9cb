"""Sphinx settings: pages are Markdown, `make docs` builds them."""

from mim_secrets.version import __version__

project = 'mim_secrets'
release = __version__
extensions = ['myst_parser']
html_theme = 'furo'
html_static_path = ['_static']
