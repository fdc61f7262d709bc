"""Where the lines go, against scripts whose right places were marked by hand."""

import re
import textwrap

from gluon_doconv import DOConvError
from gluon_doconv.checkout import placement
from gluon_doconv.checkout.insertion import MARK, insert

import pytest

# ">>" begins a line that the rule is to insert.
SCRIPTS = {
    "function": """
        '''Train.'''
        from __future__ import division
        import argparse, os
        >>import gluon_doconv
        import mxnet as mx
        from mxnet import gluon
        def parse():
            parser = argparse.ArgumentParser()
            >>gluon_doconv.add_options(parser)
            args = parser.parse_args()
            >>gluon_doconv.patch_from_options(args)
            return args
        """,
    "returned": """
        >>import gluon_doconv
        import mxnet
        def parse():
            >>gluon_doconv.add_options(p)
            >>gluon_doconv.patch_from_options(p.parse_args())
            return p.parse_args()
        """,
    "passed on": """
        >>import gluon_doconv
        from gluoncv.model_zoo import get_model
        >>gluon_doconv.add_options(make_parser())
        >>gluon_doconv.patch_from_options(make_parser().parse_known_args(argv)[0])
        main(*make_parser().parse_known_args(argv))
        """,
    "unknown arguments": """
        >>import gluon_doconv
        import mxnet.gluon as gluon
        >>gluon_doconv.add_options(parser)
        args, rest = parser.parse_known_args()  # the rest is another's
        >>gluon_doconv.patch_from_options(args)
        """,
    "an attribute, over several lines": """
        class Options:
            def parse(self):
                >>gluon_doconv.add_options(self.parser)
                self.options = self.parser.parse_args(
                    None,
                )
                >>gluon_doconv.patch_from_options(self.options)
        """,
    "parsed before MXNet is imported": """
        import argparse
        parser = argparse.ArgumentParser()
        >>import gluon_doconv
        >>gluon_doconv.add_options(parser)
        opt = parser.parse_args()
        >>gluon_doconv.patch_from_options(opt)
        import mxnet
        """,
    "imported in a block": """
        >>import gluon_doconv
        try:
            import mxnet
        except ImportError:
            raise SystemExit
        @decorated
        def main():
        \tif True:
        \t\t>>gluon_doconv.add_options(parser)
        \t\topt = parser.parse_args()
        \t\t>>gluon_doconv.patch_from_options(opt)
        """,
    "imported in a decorated function": """
        import click
        >>import gluon_doconv
        @click.command(
        )
        def main():
            import mxnet
            >>gluon_doconv.add_options(parser)
            opt = parser.parse_args()
            >>gluon_doconv.patch_from_options(opt)
        """,
}


def before_and_after(marked):
    text = textwrap.dedent(marked).lstrip("\n")
    before = "".join(line for line in text.splitlines(True) if not line.lstrip().startswith(">>"))
    after = re.sub(
        r"^([ \t]*)>>(.*)$", lambda m: m.group(1) + m.group(2) + MARK.decode(), text, flags=re.MULTILINE
    )
    if "import gluon_doconv" not in after:
        after = f"import gluon_doconv{MARK.decode()}\n{after}"
    return before.encode(), after.encode()


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_places_in_a_script(name, end):
    before, after = (text.replace(b"\n", end) for text in before_and_after(SCRIPTS[name]))
    assert insert(before, placement.of_script(before)) == after


def test_places_in_the_package():
    before = b'"""GluonCV."""\nfrom __future__ import absolute_import\n\nfrom . import data\nVERSION = 1'
    mark = MARK.decode()
    assert insert(before, placement.of_package(before)).decode() == (
        '"""GluonCV."""\nfrom __future__ import absolute_import\n\n'
        f"try:{mark}\n    import gluon_doconv{mark}\nexcept ImportError:{mark}\n    gluon_doconv = None{mark}\n"
        f"from . import data\nVERSION = 1\nif gluon_doconv: gluon_doconv.patch_from_environment(){mark}"
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"import mxnet\n", "does not call parse_args"),
        (b"import mxnet\nprint 'old'\n", "not Python 3"),
        (b"import mxnet\n\xe9 = p.parse_args()\n", "not Python 3 in UTF-8"),
        (b"import mxnet\ra = p.parse_args()\r", "carriage returns"),
        (b"import mxnet\nif True: a = p.parse_args()\n", "line 2: .*shares its line"),
        (b"import mxnet\na = p.parse_args(); b = 2\n", "line 2: .*shares its line"),
        (b"import mxnet\n(options, args) = p.parse_args()\n", "line 2: .*not one of argparse"),
        (b"from __future__ import division; import mxnet\na = p.parse_args()\n", "no place for a line"),
    ],
)
def test_what_cannot_be_placed_is_refused(content, reason):
    with pytest.raises(DOConvError, match=reason):
        placement.of_script(content)


def test_what_is_refused_of_the_package():
    with pytest.raises(DOConvError, match="imports nothing"):
        placement.of_package(b"from __future__ import division\n")
