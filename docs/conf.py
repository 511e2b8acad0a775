"""Settings of the documentation site; ``tools/build_docs.py`` gathers its pages and runs Sphinx."""

import re
from importlib.metadata import version as installed

project = "skeldata + pspmodel"
author = "the authors of skeldata and pspmodel"
version = release = installed("skeldata")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]
root_doc = "index"
source_suffix = {".md": "markdown"}
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4  # links such as store-format.md#digests, as on code hosts
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
default_role = "py:obj"  # single backticks in docstrings name an object

suppress_warnings = ["ref.python"]  # both packages have a UsageError: either will do

html_theme = "furo"
html_title = "skeldata + pspmodel"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False


def setup(app):
    """Keep a description such as ``classes: K.`` from being read as the K-th item of a list."""

    def escape(app, what, name, obj, options, lines):
        lines[:] = re.sub(r"(:\w+ [^:]+:\s+)([A-Za-z])\.", r"\1\\\2.", "\n".join(lines)).split("\n")

    app.connect("autodoc-process-docstring", escape, priority=900)  # behind napoleon
