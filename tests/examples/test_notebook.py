"""The notebook runs from top to bottom, and what it exports and folds is the network it has trained."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "train-look-fold.ipynb"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(folder)}}).execute()
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def test_folded_and_exported_networks_are_the_trained_one(outputs):
    printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
    measured = dict(re.findall(r"(\w+) - (?:trained|NumPy's): +(\S+)", printed))
    assert float(measured["folded"]) == 0
    assert float(measured["exported"]) == 0
    assert float(measured["kernel"]) < 1e-5
    assert "parameters named D: 0" in printed
    accuracies = [float(share) for share in re.findall(r"validation accuracy (\S+)%", printed)]
    assert len(accuracies) == 3 and accuracies[-1] > 80


def test_both_figures_are_drawn(outputs):
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2


def test_it_is_committed_without_outputs():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    assert not any(cell.get("outputs") for cell in cells)
