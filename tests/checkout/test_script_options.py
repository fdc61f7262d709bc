"""Options and environment variables for scripts that know nothing of DO-Conv."""

import argparse

import gluon_doconv as doconv
from gluon_doconv.checkout.script_options import add_options, patch_from_environment, patch_from_options

import pytest
from gluoncv.model_zoo import get_model
from networks import ds

MODEL = "cifar_resnet20_v1"

# How each keyword of patch() is written on a command line, in the environment, and what it means in Python.
CHOICES = [
    ("", {}, {}),
    (
        "--doconv-include stage1 --doconv-include stage3",
        {"INCLUDE": "stage1 stage3"},
        {"include": ["stage1", "stage3"]},
    ),
    ("--doconv-exclude stage1", {"EXCLUDE": "stage1"}, {"exclude": "stage1"}),
    ("--doconv-stages 0,2", {"STAGES": "0,2"}, {"stages": [0, 2]}),
    ("--doconv-part backbone", {"PART": "backbone"}, {"part": "backbone"}),
    ("--doconv-d-mul 18", {"D_MUL": "18"}, {"d_mul": 18}),
    ("--doconv-d-initializer he", {"D_INITIALIZER": "he"}, {"d_initializer": "he"}),
    ("--doconv-composition auto", {"COMPOSITION": "auto"}, {"composition": "auto"}),
    ("--doconv-d-wd-mult 0", {"D_WD_MULT": "0"}, {"d_wd_mult": 0}),
]


@pytest.fixture(autouse=True)
def unpatched():
    yield
    if doconv.is_patched():
        doconv.unpatch()


def parser(**kwargs):
    made = argparse.ArgumentParser(**kwargs)
    made.add_argument("--model", default=MODEL, help="the script's own")
    add_options(made)
    return made


def in_force():
    """The config of the patch that is in force."""
    with pytest.warns(doconv.DOConvWarning, match="patched already"):
        active = doconv.patch()
    return active.config


def expected(keywords):
    with doconv.patched(**keywords) as active:
        get_model(MODEL)
    return active.config


@pytest.mark.parametrize(("line", "_", "keywords"), CHOICES)
def test_options_patch_as_keywords_do(line, _, keywords):
    patch_from_options(parser().parse_args(["--doconv", *line.split()]))
    found = in_force()
    doconv.unpatch()
    assert found == expected(keywords)


@pytest.mark.parametrize(("_", "variables", "keywords"), CHOICES)
def test_variables_patch_as_keywords_do(_, variables, keywords):
    environ = {f"GLUON_DOCONV_{name}": value for name, value in variables.items()}
    assert patch_from_environment({"GLUON_DOCONV": "1", **environ})
    found = in_force()
    doconv.unpatch()
    assert found == expected(keywords)


def test_any_option_implies_doconv():
    patch_from_options(parser().parse_args(["--doconv-stages", "1"]))
    found = [d.name for d in ds(get_model(MODEL))]
    assert len(found) == 6 and all("stage1" in name for name in found)


def test_without_options_nothing_changes():
    args = parser().parse_args([])
    assert vars(args) == {"model": MODEL}
    patch_from_options(args)
    patch_from_options(argparse.Namespace())
    assert not doconv.is_patched()


@pytest.mark.parametrize("switch", [{}, {"GLUON_DOCONV": ""}, {"GLUON_DOCONV": "0"}])
def test_without_the_switch_nothing_changes(switch):
    assert not patch_from_environment({**switch, "GLUON_DOCONV_STAGES": "1"})
    assert not doconv.is_patched()


BAD = [
    ("include", "(", "not a regular expression"),
    ("stages", "one", "not of the form 0,1,2"),
    ("part", "neck", "backbone"),
    ("d_mul", "3.5", "not a whole number"),
    ("d_mul", "0", "at least 1"),
    ("d_initializer", "xavier", "identity"),
    ("composition", "fast", "feature"),
    ("d_wd_mult", "-1", "at least 0"),
    ("d_wd_mult", "much", "not a number"),
]


@pytest.mark.parametrize(("name", "value", "message"), BAD)
def test_a_bad_option_is_explained(name, value, message, capsys):
    option = f"--doconv-{name.replace('_', '-')}"
    with pytest.raises(SystemExit):
        parser().parse_args([option, value])
    said = capsys.readouterr().err
    assert option in said
    assert message in said


@pytest.mark.parametrize(("name", "value", "message"), [*BAD, ("", "yes", "1 turns DO-Conv on")])
def test_a_bad_variable_is_named(name, value, message):
    variable = f"GLUON_DOCONV_{name.upper()}".rstrip("_")
    with pytest.raises(doconv.DOConvError, match=f"{variable}.*{message}"):
        patch_from_environment({"GLUON_DOCONV": "1", variable: value})
    assert not doconv.is_patched()


def test_help_lists_the_options_whatever_the_formatter():
    said = parser(formatter_class=argparse.ArgumentDefaultsHelpFormatter).format_help()
    assert "--doconv-d-initializer identity|he" in said
    assert "SUPPRESS" not in said
