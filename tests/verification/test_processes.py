"""Programs that end in every way, and the line that says why."""

import os
import sys

import pytest
from verification import processes


def run(program, tmp_path, **options):
    processes.run([sys.executable, "-c", program], tmp_path / "log", **options)


def test_what_programs_print_is_appended_to_the_log(tmp_path):
    run("print('first')", tmp_path)
    run("import sys; print('second', file=sys.stderr)", tmp_path)
    assert (tmp_path / "log").read_text() == "first\nsecond\n"


@pytest.mark.parametrize(
    "program, message, code",
    [
        ("import sys; print('said'); sys.exit(3)", "exit code 3: said", 3),
        ("raise ValueError('too small')", "exit code 1: ValueError: too small", 1),
        ("import os; os.kill(os.getpid(), 9)", "exit code -9: ", -9),
    ],
)
def test_a_bad_end_is_told_in_a_line(program, message, code, tmp_path):
    (tmp_path / "log").write_text("KeyError: of an earlier program\n")
    with pytest.raises(processes.ProcessError) as caught:
        run(program, tmp_path)
    assert (str(caught.value), caught.value.code) == (message, code)


def test_a_program_that_takes_too_long_is_ended(tmp_path):
    with pytest.raises(processes.ProcessError, match="no end after 1 s") as caught:
        run("import time; time.sleep(600)", tmp_path, seconds=1)
    assert caught.value.code is None


def test_it_runs_in_its_folder_with_its_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/inherited")
    environment = processes.environment_with(tmp_path, ANSWER="42")
    run(
        "import os; print(os.getcwd(), os.environ['ANSWER'])",
        tmp_path,
        folder=tmp_path,
        environment=environment,
    )
    assert (tmp_path / "log").read_text().split() == [os.path.realpath(tmp_path), "42"]
    path = environment["PYTHONPATH"].split(os.pathsep)
    assert (path[0], path[-1]) == (str(tmp_path), "/inherited") and str(processes.SCRIPTS) in path


MXNET = """Traceback (most recent call last):
  File "operators.cc", line 7
MXNetError: Check failed: 3 == 4 : shapes differ
Stack trace:
  [bt] (0) libmxnet.so
"""


@pytest.mark.parametrize(
    "text, line",
    [
        ("", ""),
        ("one\n\n  two  \n", "two"),
        ("AssertionError: always\nassert False", "AssertionError: always"),
        ("KeyError: 'a'\n\nDuring handling\nValueError: b\n", "ValueError: b"),
        (MXNET, "MXNetError: Check failed: 3 == 4 : shapes differ"),
        ("x" * 1000, "x" * processes.LONGEST),
    ],
)
def test_the_line_of_an_error_that_says_most(text, line):
    assert processes.error_line(text) == line
