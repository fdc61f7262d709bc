"""One configuration: what it accepts, and that every way of writing it down says the same."""

import argparse
import inspect
import re
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.checkout.script_options import add_options
from gluon_doconv.cli.models import macc
from gluon_doconv.cli.run import run
from gluon_doconv.core.config import DOConvConfig
from gluon_doconv.core.config_text import from_environment, to_arguments
from gluon_doconv.runner.run_config import RunConfig

import click
import numpy as np
import pytest

WORDS = [word.name for word in fields(DOConvConfig)]
ALL_SET = DOConvConfig(
    include=["stage1", r"conv\d$"],
    exclude="conv0",
    stages=[2, 0, 1],
    part="backbone",
    d_mul=18,
    d_initializer="he",
    composition="auto",
    d_wd_mult=0.25,
)
FLAGGED = DOConvConfig(include=re.compile("STAGE1", re.IGNORECASE), exclude=[re.compile("^a.b$", re.S | re.M)])
CONFIGS = [
    DOConvConfig(),
    ALL_SET,
    FLAGGED,
    *(DOConvConfig(**{word: getattr(ALL_SET, word)}) for word in WORDS),
]


def test_each_word_of_the_sample_differs_from_its_default():
    assert not [word for word in WORDS if getattr(ALL_SET, word) == getattr(DOConvConfig(), word)]


@pytest.mark.parametrize("function", [doconv.over_parameterize, doconv.patch])
def test_public_signatures_are_the_fields(function):
    """Name, order, type and default."""
    parameters = [each for each in inspect.signature(function).parameters.values() if each.name != "net"]
    assert [(each.name, each.annotation, each.default) for each in parameters] == [
        (word.name, word.type, word.default) for word in fields(DOConvConfig)
    ]


def test_a_layer_has_the_words_that_say_how():
    keywords = inspect.signature(doconv.DOConv2D).parameters
    said = {name: keywords[name].default for name in WORDS if name in keywords}
    defaults = {word.name: word.default for word in fields(DOConvConfig)}
    assert said == {name: defaults[name] for name in ("d_mul", "d_initializer", "composition", "d_wd_mult")}


def test_options_is_the_same_class():
    assert doconv.Options is doconv.DOConvConfig is DOConvConfig


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"include": "conv"}, {"include": ("conv",)}),
        ({"include": re.compile("conv")}, {"include": ("conv",)}),
        ({"exclude": iter(["a", "b"])}, {"exclude": ("a", "b")}),
        ({"include": []}, {"include": None}),
        ({"stages": np.int64(2)}, {"stages": (2,)}),
        ({"stages": {3, 1}}, {"stages": (1, 3)}),
        ({"stages": []}, {"stages": ()}),
        ({"d_mul": np.int32(9)}, {"d_mul": 9}),
        ({"d_wd_mult": 0}, {"d_wd_mult": 0.0}),
    ],
)
def test_what_a_person_writes_is_kept_in_one_form(given, kept):
    config = DOConvConfig(**given)
    for word, value in kept.items():
        assert getattr(config, word) == value
        assert type(getattr(config, word)) is type(value)
    assert replace(config) == config
    assert hash(replace(config)) == hash(config)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"include": ["conv", "conv("]}, r"include=.*'conv\(' is not a regular expression"),
        ({"exclude": 3}, r"exclude=3: .* is a text, and 3 \(an int\) was given"),
        ({"include": b"conv"}, r"a text, and b'conv' \(a bytes\) was given"),
        ({"include": re.compile(b"conv")}, r"a text, and b'conv' \(a bytes\) was given"),
        ({"stages": "1,2"}, "stages='1,2': stages are whole numbers"),
        ({"stages": True}, "stages=True: stages are whole numbers"),
        ({"d_mul": True}, "d_mul=True: .* at least 1"),
        ({"d_mul": "9"}, "d_mul='9': .* whole number"),
        ({"d_mul": 9.0}, "d_mul=9.0: .* whole number"),
        ({"d_wd_mult": "0"}, "d_wd_mult='0': .* is a number"),
        ({"d_wd_mult": False}, "d_wd_mult=False: .* is a number"),
        ({"part": ["head"]}, r"part=\['head'\]: choose from"),
        ({"stages": "1"}, "stages='1': stages are whole numbers"),
        ({"stages": [1.5]}, r"stages=\[1.5\]: stages are whole numbers"),
        ({"part": "neck"}, r"part='neck': choose from \['backbone', 'head'\]"),
        ({"d_mul": 0}, "d_mul=0: .* at least 1"),
        ({"d_initializer": None}, "d_initializer=None: choose from"),
        ({"composition": "fast"}, "composition='fast': choose from"),
        ({"d_wd_mult": -1}, "d_wd_mult=-1: .* at least 0"),
        ({"d_wd_mult": float("nan")}, "d_wd_mult=nan: .* at least 0"),
    ],
)
def test_what_cannot_be_is_refused_by_its_word(given, message):
    with pytest.raises(doconv.DOConvError, match=message):
        DOConvConfig(**given)


NAMES = ["stage1_conv0", "STAGE1_conv0", "features.0\nstage2", "façade", "a\nb", "conv 1", "conv1", "stage2"]


@pytest.mark.parametrize(
    "pattern",
    [
        re.compile("stage1", re.IGNORECASE),
        re.compile("^stage2", re.MULTILINE),
        re.compile("A.B", re.IGNORECASE | re.DOTALL),
        re.compile("conv 1  # with a comment (", re.VERBOSE),
        re.compile(r"^\w+$", re.ASCII),
        re.compile("(?i)STAGE"),
        re.compile("(?i)^STAGE2", re.MULTILINE),
        re.compile("(?m)^stage2", re.IGNORECASE | re.VERBOSE),
        re.compile("stage1|(?i:FEATURES)"),
    ],
)
def test_a_compiled_pattern_finds_what_it_found(pattern):
    (kept,) = DOConvConfig(include=pattern).include
    assert [bool(re.search(kept, name)) for name in NAMES] == [bool(pattern.search(name)) for name in NAMES]
    assert len({bool(pattern.search(name)) for name in NAMES}) == 2
    assert DOConvConfig(include=kept).include == (kept,)
    assert by_worker_process(DOConvConfig(exclude=[pattern, "x"])).exclude == (kept, "x")


def test_a_config_does_not_change():
    with pytest.raises(FrozenInstanceError):
        DOConvConfig().d_mul = 4


def by_run(config):
    return run.main([*to_arguments(config), "script.py"], standalone_mode=False).doconv


def by_scripts_parser(config):
    arguments = [re.sub("^--", "--doconv-", argument) for argument in to_arguments(config)]
    parser = argparse.ArgumentParser()
    add_options(parser)
    given = vars(parser.parse_args(arguments))
    return DOConvConfig(**{name[len("doconv_") :]: value for name, value in given.items()})


def variables(config):
    """Written by hand, as the documentation says: a comma between stages, a space between patterns."""
    texts = {
        "GLUON_DOCONV_INCLUDE": config.include and " ".join(config.include),
        "GLUON_DOCONV_EXCLUDE": config.exclude and " ".join(config.exclude),
        "GLUON_DOCONV_STAGES": config.stages and ",".join(map(str, config.stages)),
        "GLUON_DOCONV_PART": config.part,
        "GLUON_DOCONV_D_MUL": config.d_mul and str(config.d_mul),
        "GLUON_DOCONV_D_INITIALIZER": config.d_initializer,
        "GLUON_DOCONV_COMPOSITION": config.composition,
        "GLUON_DOCONV_D_WD_MULT": str(config.d_wd_mult),
    }
    return {name: text or "" for name, text in texts.items()}


def by_environment(config):
    return from_environment(variables(config))


def by_environment_of_run(config):
    with pytest.MonkeyPatch.context() as environment:
        for name, value in variables(config).items():
            environment.setenv(name, value)
        return by_run(DOConvConfig())


def by_worker_process(config):
    return RunConfig.from_text(RunConfig("script.py", doconv=config).to_text()).doconv


@pytest.mark.parametrize(
    "way", [by_run, by_scripts_parser, by_environment, by_environment_of_run, by_worker_process]
)
@pytest.mark.parametrize("config", CONFIGS)
def test_a_config_comes_back_from_its_text(way, config):
    assert way(config) == config


def test_arguments_are_those_a_person_types():
    assert to_arguments(ALL_SET) == [
        *("--include", "stage1", "--include", r"conv\d$", "--exclude", "conv0", "--stages", "0,1,2"),
        *("--part", "backbone", "--d-mul", "18", "--d-initializer", "he", "--composition", "auto"),
        *("--d-wd-mult", "0.25"),
    ]
    assert to_arguments(DOConvConfig()) == []


@pytest.mark.parametrize("command", [run, macc])
def test_every_command_that_takes_a_selection_takes_every_word(command):
    options = {option.name: option for option in command.params}
    assert set(WORDS) <= set(options)
    assert all(options[word].help and options[word].metavar for word in WORDS)


def test_a_bad_option_of_run_is_one_that_click_names():
    with pytest.raises(click.BadParameter, match="at least 1") as raised:
        run.main(["--d-mul", "0", "script.py"], standalone_mode=False)
    assert raised.value.param.name == "d_mul"


def test_a_config_and_what_is_to_be_run_need_no_mxnet():
    """Imported past the package's own ``__init__``."""
    lines = (
        "import sys, types",
        "package = sys.modules['gluon_doconv'] = types.ModuleType('gluon_doconv')",
        f"package.__path__ = [{str(Path(doconv.__file__).parent)!r}]",
        "import gluon_doconv.core.config_text, gluon_doconv.runner.run_config",
        "print('mxnet' in sys.modules, 'numpy' in sys.modules)",
    )
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
