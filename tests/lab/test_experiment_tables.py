"""What the tables are of: the paper's figures, and its trainings."""

from dataclasses import replace

from gluon_doconv.lab.configuration import BASELINE
from gluon_doconv.lab.experiments import catalogue, cifar, imagenet, reproduce
from gluon_doconv.lab.records import Record

import pytest


def configurations(name):
    return catalogue.TABLES[name]().configurations()


@pytest.mark.parametrize("name", catalogue.TABLES)
def test_replacement_is_the_only_difference(name):
    """Within a table every variant of a network has the settings of its baseline, and has a baseline."""
    found = configurations(name)
    for one in found:
        backbone = one.backbone and replace(one.backbone, variant=BASELINE)
        assert replace(one, variant=BASELINE, backbone=backbone) in found
        assert one.variant is BASELINE or one.variant.doconv


def test_table_1_is_the_papers():
    table = cifar.table1()
    assert [len(row.cells) for row in table.rows] == [9] * 4 and len(configurations("table1")) == 36
    printed = [[cell.paper for cell in row.cells] for row in table.rows]
    assert printed == [  # Table 1, read off the paper
        [90.88, 92.03, 93.47, 94.00, 94.65, 91.83, 93.26, 93.72, 94.69],
        [0.37, 0.25, 0.05, -0.05, -0.06, 0.39, 0.12, 0.21, -0.07],
        [66.01, 67.37, 70.65, 72.58, 75.43, 67.14, 70.15, 72.00, 75.32],
        [0.27, 0.31, 0.25, 0.01, 0.03, 0.54, 0.63, 0.22, 0.07],
    ]


def test_tables_2_and_3_are_the_papers():
    printed = {
        name: [[cell.paper for cell in row.cells] for row in catalogue.TABLES[name]().rows]
        for name in ("table2", "table3")
    }
    assert printed["table2"] == [  # read off the paper
        [
            *(None, 70.93, 74.37, 77.36, 78.34, 79.22, 70.94, 74.65, 77.67, 79.20, 79.69),
            *(71.00, 74.40, 77.17, 78.53, 79.21),
        ],
        [
            *(69.97, 70.87, 74.49, 77.32, 78.16, 79.34, 71.08, 74.35, 77.56, 79.14, 79.60),
            *(70.80, 74.76, 77.17, 78.56, 79.24),
        ],
        [1.01, 0.82, 0.49, 0.08, 0.46, 0.07, 0.71, 0.77, 0.44, 0.25, 0.1, 0.64, 0.22, 0.31, 0.11, 0.14],
    ]
    assert printed["table3"] == [
        [73.28, 72.04, 75.32, 79.32],
        [73.30, 71.89, 75.16, 79.21],
        [0.03, 0.16, 0.14, 0.40],
    ]
    text = reproduce.markdown(imagenet.table3(), [])
    assert text.count("| Reference (GluonCV)") == 1  # there is nothing of ours in that row


def test_variants_of_the_ablations():
    by_network = {}
    for one in configurations("table6"):
        by_network.setdefault(one.network, set()).add((one.variant.doconv, one.variant.stages))
    some = {(0,), (1,), (2,), (3,), (0, 1), (0, 1, 2)}
    everywhere = {(False, None), (True, None)}
    assert by_network["cifar_resnet20_v2"] == everywhere | {(True, stages) for stages in some}
    more = some | {(4,), (0, 1, 2, 3)}
    assert by_network["resnet50_v1b"] == everywhere | {(True, stages) for stages in more}
    assert [c.variant.d_mul for c in configurations("table8")] == [None, None, 5 * 5, 6 * 6]
    assert [c.variant.d_initializer for c in configurations("table7")][1:] == ["he", "identity"]
    asked = {c.variant.name for c in configurations("digits")}
    assert {"doconv", "doconv-he", "doconv-dmul25", "doconv-dmul36", "doconv-stages012"} < asked


@pytest.mark.parametrize("name", catalogue.TABLES)
def test_a_smoke_run_says_so_everywhere(name):
    table = catalogue.smoke(catalogue.TABLES[name]())
    for one in table.configurations():
        in_small = one.recipe.epochs == 1 and one.recipe.batch_size <= 8
        assert in_small if name in ("table4", "table5") else one.recipe == catalogue.SMOKE
    text = reproduce.markdown(table, [])
    assert "SMOKE RUN" in text and "mean nothing" in text
    assert "SMOKE RUN" in reproduce.comma_separated(table, [])


def test_tables_4_and_5_are_the_papers():
    printed = {
        name: [[cell.paper for cell in row.cells] for row in catalogue.TABLES[name]().rows]
        for name in ("table4", "table5")
    }
    assert printed["table4"] == [[88.59, 78.71], [0.25, 1.45], [0.05, 0.82]]
    assert printed["table5"] == [
        [37.9, 59.5, 41.2, 21.4, 41.4, 49.6],
        [0.0, 0.4, -0.2, 0.7, 0.6, -1.0],
        [0.3, 0.4, 0.3, 1.0, 0.3, 0.0],
    ]
    stages = [(c.backbone.variant.name, c.variant.name) for c in configurations("table5") if c.backbone]
    assert stages == [("baseline", "baseline"), ("baseline", "doconv"), ("doconv", "doconv")]


@pytest.mark.parametrize("name", ["table4", "table5"])
def test_a_backbone_comes_before_what_starts_from_it(name):
    found = configurations(name)
    for one in (c for c in found if c.backbone):
        assert found.index(one.backbone) < found.index(one)
        assert Record.from_json(Record(one, 0, {}).to_json()).configuration == one
    assert len({one.name(0) for one in found}) == len(found)
