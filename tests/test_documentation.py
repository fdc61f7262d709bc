"""The Python examples of the README and of docs/ run, page by page, in the order in which they stand there.

All blocks of a page are one program, in a folder of its own. A block that cannot run here says so in the
Markdown, on the line before it: ``<!-- not executed: it needs a GPU -->``.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[1]
NOT_EXECUTED = re.compile(r"<!-- not executed: (.+) -->\s*$")


@dataclass
class Example:
    """A block of code: how many lines of its page come before it, and why it is not executed, if it is not."""

    above: int
    code: str
    obstacle: str = ""


def examples(text):
    tokens = MarkdownIt().parse(text)
    for before, token in zip([None, *tokens], tokens):
        if token.type == "fence" and token.info.split()[:1] == ["python"]:
            mark = NOT_EXECUTED.match(before.content) if before and before.type == "html_block" else None
            yield Example(token.map[0] + 1, token.content, mark.group(1) if mark else "")


def execute(text, folder):
    """Run a page's examples as one program, whose line numbers are the page's."""
    lines = [""] * (text.count("\n") + 1)
    for example in examples(text):
        if not example.obstacle:
            code = example.code.splitlines()
            lines[example.above : example.above + len(code)] = code
    (folder / "page.py").write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-W", "ignore", "page.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def pages():
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if any(examples(path.read_text(encoding="utf-8"))):
            marks = [pytest.mark.slow] if path.parent != ROOT else []
            yield pytest.param(path, id=str(path.relative_to(ROOT)), marks=marks)


@pytest.mark.parametrize("page", list(pages()))
def test_the_examples_of_a_page_run(page, tmp_path, record_property):
    text = page.read_text(encoding="utf-8")
    found = list(examples(text))
    obstacles = [f"line {example.above}: {example.obstacle}" for example in found if example.obstacle]
    executed = f"{page.relative_to(ROOT)}: {len(found) - len(obstacles)} of {len(found)} examples executed"
    record_property("summary", "; ".join([executed, *obstacles]))
    done = execute(text, tmp_path)
    assert done.returncode == 0, f"{page}\n{done.stderr}"


PAGE = """\
```python
x = 1
```
<!-- not executed: it needs a card -->
```python
x = gpu()
```
- in a list

  ```python
  assert x == {x}
  ```

```sh
false
```
"""


def test_unmarked_python_blocks_share_one_program(tmp_path):
    assert list(examples(PAGE)) == [
        Example(1, "x = 1\n"),
        Example(5, "x = gpu()\n", "it needs a card"),
        Example(10, "assert x == {x}\n"),
    ]
    assert execute(PAGE.format(x=1), tmp_path).returncode == 0


def test_a_failing_example_is_found_by_its_line(tmp_path):
    done = execute(PAGE.format(x=2), tmp_path)
    assert done.returncode == 1
    assert 'page.py", line 11' in done.stderr and "AssertionError" in done.stderr
