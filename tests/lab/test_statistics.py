"""Figures with their uncertainty: against SciPy's paired test, and never a bare mean."""

import csv
import re
from dataclasses import replace

from gluon_doconv import DOConvError
from gluon_doconv.lab.configuration import BASELINE, DOCONV, Configuration, Recipe
from gluon_doconv.lab.experiments import tables
from gluon_doconv.lab.experiments.report import comma_separated, markdown
from gluon_doconv.lab.experiments.statistics import Estimate, estimate, final
from gluon_doconv.lab.figures import curves
from gluon_doconv.lab.records import Epoch, Record

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from scipy import stats

RECIPE = Recipe(epochs=7)
BASE = Configuration("cifar10", "net", BASELINE, RECIPE)
OURS = replace(BASE, variant=DOCONV)


def record(configuration, seed, accuracies):
    return Record(configuration, seed, {}, tuple(Epoch(1.0, 0.5, accuracy, 1.0) for accuracy in accuracies))


def random_records(configuration, seeds):
    random = np.random.default_rng([seeds, len(configuration.variant.name)])
    return [record(configuration, seed, random.uniform(0.8, 0.9, 7)) for seed in range(seeds)]


def last_five(records):
    return [100 * np.mean([e.validation_accuracy for e in r.epochs][2:]) for r in records]


def test_the_last_five_epochs_count():
    assert final(record(BASE, 0, [0, 0, 0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(30)
    assert final(record(BASE, 0, [0.2, 0.4])) == pytest.approx(30)


def test_differences_are_paired_by_seed():
    base, ours = random_records(BASE, 6), random_records(OURS, 6)
    found = estimate([*base, *ours[::-1]], OURS, BASE)
    a, b = np.array(last_five(ours)), np.array(last_five(base))
    assert found.mean == pytest.approx((a - b).mean())
    assert found.error == pytest.approx(stats.sem(a - b))
    assert found.n == 6
    test = stats.ttest_rel(a, b)
    assert found.mean / found.error == pytest.approx(test.statistic)
    low, high = found.interval
    reach = found.error * stats.t.ppf(0.975, 5)
    assert (low, high) == pytest.approx((found.mean - reach, found.mean + reach))
    # The interval leaves out 0 exactly where the two-sided test rejects at 5%.
    assert (low > 0 or high < 0) == (test.pvalue < 0.05)


def test_only_seeds_of_both_and_only_finished_trainings_count():
    base, ours = random_records(BASE, 3), random_records(OURS, 3)
    unfinished = replace(ours[2], epochs=ours[2].epochs[:-1])
    found = estimate([*base, ours[0], unfinished], OURS, BASE)
    assert (found.n, found.error, found.interval) == (1, None, None)
    assert estimate([unfinished], OURS, None) is None
    assert estimate(ours, OURS, BASE) is None


def test_one_seed_has_no_error():
    assert Estimate.of([3.0]) == Estimate(3.0, None, 1)


def example():
    rows = (
        tables.Row("baseline", (tables.Cell(90.88, BASE), None)),
        tables.Row("DO-Conv", (tables.Cell(0.37, OURS, BASE), tables.Cell(None, OURS, BASE))),
    )
    return tables.Table("table0", "An example", ("A", "B"), rows, "A note.")


@pytest.mark.parametrize("seeds", [0, 1, 4])
def test_never_a_bare_mean(seeds):
    records = [*random_records(BASE, seeds), *random_records(OURS, seeds)]
    text = markdown(example(), records)
    ours = [line.split("|")[3:-1] for line in text.splitlines() if "| ours" in line]
    cells = [cell.strip() for line in ours for cell in line if cell.strip()]
    number = r"[+-]?\d+\.\d\d"
    allowed = {
        0: "not yet",
        1: rf"{number} \(n=1: no standard error\)",
        4: rf"{number} ± \d+\.\d\d \(n=4\)( \[[+-]\d+\.\d\d, [+-]\d+\.\d\d\])?",
    }[seeds]
    assert len(cells) == 3 and all(re.fullmatch(allowed, cell) for cell in cells)
    assert "A note." in text and f"{2 * seeds} trainings are finished" in text


def test_a_table_says_how_far_it_is():
    text = markdown(example(), [*random_records(BASE, 4), *random_records(OURS, 2)])
    assert "6 trainings are finished: between 2 and 4 seeds of each." in text
    text = markdown(example(), [*random_records(BASE, 4), *random_records(OURS, 4)])
    assert "8 trainings are finished: 4 seeds of each." in text


def test_the_papers_figures_stand_beside_ours():
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in markdown(example(), []).splitlines()]
    table = [line for line in lines if len(line) == 4]
    assert table[2:] == [
        ["baseline", "paper", "90.88", ""],
        ["baseline", "ours", "not yet", ""],
        ["DO-Conv", "paper", "+0.37", ""],
        ["DO-Conv", "ours", "not yet", "not yet"],
    ]


def test_a_size_of_which_there_is_no_object_has_no_figure():
    cells = (tables.Cell(41.4, BASE, metric="APM"), tables.Cell(49.6, BASE, metric="APL"))
    records = [
        replace(one, epochs=tuple(replace(epoch, metrics={"APL": 0.5}) for epoch in one.epochs))
        for one in random_records(BASE, 4)
    ]
    text = markdown(tables.Table("t", "", ("APM", "APL"), (tables.Row("", cells),)), records)
    ours = next(line for line in text.splitlines() if "| ours" in line).split("|")[3:-1]
    assert [cell.strip() for cell in ours] == ["no object of this size", "50.00 ± 0.00 (n=4)"]


def test_csv_holds_the_numbers_themselves():
    base, ours = random_records(BASE, 4), random_records(OURS, 4)
    lines = list(csv.reader(comma_separated(example(), [*base, *ours]).splitlines()))
    assert lines[0] == ["row", "figure", "A", "B"]
    numbers = {tuple(line[:2]): line[2:] for line in lines[1:] if line[0] != "note"}
    differences = np.subtract(last_five(ours), last_five(base))
    assert float(numbers["DO-Conv", "ours, mean"][0]) == pytest.approx(differences.mean())
    assert float(numbers["DO-Conv", "standard error"][1]) == pytest.approx(stats.sem(differences))
    reach = stats.sem(differences) * stats.t.ppf(0.975, 3)
    assert float(numbers["DO-Conv", "95% from"][0]) == pytest.approx(differences.mean() - reach)
    assert float(numbers["DO-Conv", "95% to"][0]) == pytest.approx(differences.mean() + reach)
    assert numbers["DO-Conv", "n"] == ["4", "4"] and numbers["baseline", "n"] == ["4", ""]
    assert numbers["baseline", "paper"] == ["90.88", ""]
    assert next(line[1] for line in lines if line[0] == "note") == "A note."


def plotted(records, tmp_path, monkeypatch):
    """Label, style and points of every line, and the corners of every band, by the title of the panel."""
    drawn, bands = {}, {}
    save = Figure.savefig

    def savefig(figure, *args, **kwargs):
        for ax in figure.axes:
            drawn[ax.get_title()] = [
                (line.get_label(), line.get_linestyle(), line.get_ydata()) for line in ax.lines
            ]
            bands[ax.get_title()] = [band.get_paths()[0].vertices for band in ax.collections]
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    curves.draw_curves(records, tmp_path / "curves.png", "A note.")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    return drawn, bands


def test_curves_are_means_over_seeds(tmp_path, monkeypatch):
    other = replace(BASE, network="deeper")
    records = [*random_records(BASE, 3), *random_records(OURS, 3), *random_records(other, 1)]
    drawn, bands = plotted(records, tmp_path, monkeypatch)
    assert set(drawn) == {"net, cifar10", "deeper, cifar10"}
    validation = {label: points for label, style, points in drawn["net, cifar10"] if style == "-"}
    assert set(validation) == {"baseline (n=3)", "DO-Conv (n=3)"}
    accuracies = [[epoch.validation_accuracy for epoch in record.epochs] for record in records[3:6]]
    np.testing.assert_allclose(validation["DO-Conv (n=3)"], 100 - 100 * np.mean(accuracies, axis=0))
    errors = 100 - 100 * np.array(accuracies)
    highest = errors.mean(axis=0) + stats.sem(errors)
    corners = {(round(x), y) for x, y in bands["net, cifar10"][-1]}
    assert all(
        any(x == epoch and y == pytest.approx(top) for x, y in corners) for epoch, top in enumerate(highest, 1)
    )
    (training,) = {tuple(points) for _, style, points in drawn["net, cifar10"] if style == "--"}
    assert training == pytest.approx([50] * 7)


def test_curves_tell_backbones_apart_and_need_no_training_curve(tmp_path, monkeypatch):
    plain = replace(BASE, backbone=BASE)
    both = [plain, replace(plain, variant=DOCONV), replace(plain, variant=DOCONV, backbone=OURS)]
    epochs = tuple(Epoch(None, None, 0.5, None) for _ in range(7))
    drawn, _ = plotted([Record(one, 0, {}, epochs) for one in both], tmp_path, monkeypatch)
    labels = [label for label, _, _ in drawn["net, cifar10"]]
    assert labels == ["baseline (n=1)", "DO-Conv (n=1)", "DO-Conv, plain backbone (n=1)"]


def test_a_single_epoch_is_seen(tmp_path):
    """There is something blue in the middle of the picture, left of the legend."""
    once = replace(OURS, recipe=Recipe(epochs=1))
    curves.draw_curves([record(once, 0, [0.5])], tmp_path / "curves.png")
    red, _, blue, _ = np.moveaxis(imread(tmp_path / "curves.png"), -1, 0)
    assert (blue - red > 0.3)[:, red.shape[1] // 3 : red.shape[1] * 2 // 3].any()


def test_without_a_finished_training_there_is_no_curve(tmp_path):
    with pytest.raises(DOConvError, match="no curve to draw"):
        curves.draw_curves([Record(BASE, 0, {})], tmp_path / "curves.png")
    assert not (tmp_path / "curves.png").exists()
