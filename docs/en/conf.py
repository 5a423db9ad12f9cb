"""Sphinx settings: pages are Markdown, `make docs` builds them."""

from mim_secrets.version import __version__

project = 'mim_secrets'
release = __version__
extensions = ['myst_parser']
myst_heading_anchors = 3  # so that pages can link to each other's sections
html_theme = 'furo'
html_static_path = ['_static']
