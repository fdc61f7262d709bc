"""The page about runs: everything that was measured is on it, and nothing of it is elsewhere."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import gluon_doconv as doconv
from gluon_doconv.cli import main
from gluon_doconv.lab.configuration import BASELINE, DOCONV, AnnealedRecipe, Configuration
from gluon_doconv.lab.demos.comparison import Comparison, write_comparison
from gluon_doconv.lab.demos.deployment import Deployed
from gluon_doconv.lab.experiments import catalogue, reproduce
from gluon_doconv.lab.figures.curves import Panel, draw_panels, score
from gluon_doconv.lab.records import (
    Epoch,
    Record,
    open_record,
    read_results,
    versions,
    with_results,
    write_results,
)
from gluon_doconv.lab.report.markdown import to_html
from gluon_doconv.lab.report.page import write_page
from gluon_doconv.lab.report.runs import read_runs

import numpy as np
import pytest
from click.testing import CliRunner
from networks import images, perturb, small

HOSTILE = "<script>alert('&')</script>"
QUIET = (
    "--disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ASK_THE_BROWSER = """<script>
addEventListener('load', () => {
  const widths = [...document.images].map(image => image.naturalWidth);
  const tables = [...document.querySelectorAll('section > .wide > table')].map(table => table.offsetHeight);
  const asked = performance.getEntriesByType('resource').map(entry => entry.name.slice(0, 5));
  document.body.innerHTML = '<pre>' + JSON.stringify({widths, tables, asked}) + '</pre>';
});
</script>"""


def checkpoint(path):
    net = small()
    net(images())
    doconv.over_parameterize(net)
    perturb(net)
    net.save_parameters(str(path))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What a demo writes, of numbers made up, with a name that is no name."""
    folder = tmp_path_factory.mktemp("demo")
    recipe = AnnealedRecipe(epochs=2, batch_size=77, learning_rate=0.125)
    first = (Epoch(1.5, 0.5111, 0.7123, 1.25), Epoch(1.25, 0.6111, 0.8123, 2.25))
    plain = (
        Epoch(1.234, None, 0.1111, 3.25, {"mIoU": 0.1111}),
        Epoch(0.5678, None, 0.2222, 4.75, {"mIoU": 0.2222}),
    )
    over = (
        Epoch(1.357, None, 0.3333, 5.25, {"mIoU": 0.3333}),
        Epoch(0.2468, None, 0.4444, 6.75, {"mIoU": 0.4444}),
    )
    trained = {}
    for label, variant, epochs in (("plain", BASELINE, plain), ("DO-Conv", DOCONV, over)):
        backbone = Configuration("portraits", "backbone", variant, replace(recipe, learning_rate=0.375))
        one = Configuration("scenes", f"net{HOSTILE}", variant, recipe, backbone)
        trained[label] = [Record(backbone, 0, versions(), first), Record(one, 0, versions(), epochs)]
    deployed = Deployed(987, {"mIoU": 0.4444}, 0.0, 0.0, None, "no such operator", 7.5)
    parameters = {"plain": 987, "DO-Conv": 1234}
    write_comparison(folder, Comparison(("mIoU",), "mIoU", "12 images", trained, parameters, deployed))
    panel = Panel("", "loss", trained, [score("loss")])
    draw_panels([panel, panel], folder / "curves.png", [])
    checkpoint(folder / "do-conv.params")
    return folder


@pytest.fixture(scope="module")
def reproduction(tmp_path_factory):
    """What reproduce writes of a smoke run, of accuracies made up."""
    folder = tmp_path_factory.mktemp("reproduction")
    table = reproduce.only(catalogue.smoke(catalogue.TABLES["table1"]()), "Plain")
    random = np.random.RandomState(0)
    for seed in range(3):
        for configuration in table.configurations():
            training = folder / "trainings" / configuration.name(seed)
            training.mkdir(parents=True)
            record = open_record(configuration, seed, training)
            for _ in range(2):
                record = record.with_epoch(Epoch(*random.random_sample(3), seconds=1.5))
            record.save(training)
            if configuration.variant.doconv:
                checkpoint(training / "epoch0002.params")
    reproduce.write(table, folder)
    return folder


@pytest.fixture(scope="module")
def page(demo, reproduction):
    result = CliRunner().invoke(
        main, ["report", str(demo), str(reproduction), "--output", str(demo.parent / "report.html")]
    )
    assert result.exit_code == 0, result.output
    return Path(result.output.strip())


class Reader(HTMLParser):
    """The text of a page, and all its tags with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.text, self.tags = "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def read(page):
    return Reader(page.read_text(encoding="utf-8"))


def cells(markdown):
    rows = [line for line in markdown.splitlines() if line.startswith("|") and not line.startswith("|--")]
    return {cell.strip() for row in rows for cell in row.strip("|").split("|")}


def test_every_number_is_there(demo, reproduction, read):
    for file in (demo / "results.md", reproduction / "table1.md"):
        found = cells(file.read_text())
        assert len(found) > 10 and not [cell for cell in found if cell not in read.text]
    trainings = [json.loads(line) for line in (demo / "results.jsonl").read_text().splitlines()]
    assert len(trainings) == 4
    for epoch in (epoch for one in trainings for epoch in one["epochs"]):
        values = (epoch["loss"], epoch["validation_accuracy"], epoch["seconds"], *epoch["metrics"].values())
        assert not [value for value in values if f"{value:.4g}" not in read.text]
    for line in (reproduction / "results.jsonl").read_text().splitlines():
        last = json.loads(line)["epochs"][-1]
        assert f"{100 * last['validation_accuracy']:.2f}" in read.text and f"{last['loss']:.4g}" in read.text


def test_settings_and_versions_are_there(demo, read):
    assert "batch size" in read.text and "77" in read.text
    assert "0.125" in read.text and "0.375" in read.text and "seeds" in read.text
    found = json.loads((demo / "results.jsonl").read_text().splitlines()[0])["versions"]
    assert {"python", "mxnet", "gluoncv", "numpy", "gluon_doconv"} <= set(found)
    assert all(name in read.text and version in read.text for name, version in found.items())


def test_a_smoke_run_is_announced(read):
    assert {"class": "warning"} in read.all("p")
    assert read.text.index("smoke run") < read.text.index("Results")


def test_nothing_of_it_is_elsewhere(page, read):
    assert not {"script", "link", "iframe", "object", "base"} & {tag for tag, _ in read.tags}
    addresses = [a for _, attributes in read.tags for key, a in attributes.items() if key in ("src", "href")]
    assert all(re.match(r"data:image/png;base64,|#run\d", address) for address in addresses)
    assert not re.search(r"url\(|@import|https?://|srcset", page.read_text(encoding="utf-8"))


def test_text_is_text(page, read):
    assert "<script" not in page.read_text(encoding="utf-8")
    assert read.text.count(HOSTILE) >= 3


def test_markdown_neither_links_nor_embeds():
    html = to_html("![a](http://b/c.png) [d](http://e) <img src=f>\n\n| | x |\n|-|-|\n| <b> | 1 |\n", '"')
    harmless = {"p", "div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert {tag for tag, _ in Reader(html).tags} == harmless
    assert html.count("<th") - html.count("<thead") == 2  # the empty corner is no header


def test_it_can_be_heard(read):
    assert len(read.all("img")) == 6  # curves and twice kernels of both
    assert all(len(attributes["alt"]) > 20 for attributes in read.all("img"))
    assert len(read.all("caption")) == len(read.all("table")) == len(read.all("thead"))
    assert all(attributes["scope"] in ("col", "row") for attributes in read.all("th"))
    assert read.all("html") == [{"lang": "en"}] and len(read.all("h1")) == 1


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
def test_a_browser_shows_it(page, tmp_path):
    copy = tmp_path / "copy.html"
    copy.write_text(page.read_text(encoding="utf-8").replace("</body>", f"{ASK_THE_BROWSER}</body>"))
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    headless = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", *QUIET.split(), profile]
    run = subprocess.run(
        [*headless, "--window-size=390,800", "--dump-dom", copy.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    seen = json.loads(re.search(r"<pre>(.*)</pre>", run.stdout).group(1))
    assert len(seen["widths"]) == 6 and min(seen["widths"]) > 300
    assert len(seen["tables"]) == 5 and min(seen["tables"]) > 50  # results and settings
    assert set(seen["asked"]) <= {"data:"}


def test_a_folder_may_hold_both_kinds_of_run(demo, reproduction, tmp_path):
    for path in (demo / "results.md", *reproduction.glob("*.*")):
        shutil.copy(path, tmp_path)
    write_results(
        tmp_path / "results.jsonl",
        with_results(demo / "results.jsonl", read_results(reproduction / "results.jsonl")),
    )
    assert [one.title[:3] for one in read_runs(tmp_path)] == ["net", "tab"]


def test_a_run_without_pictures_has_none(demo, tmp_path):
    for name in ("results.jsonl", "results.md"):
        shutil.copy(demo / name, tmp_path)
    write_page([tmp_path], tmp_path / "report.html")
    assert not Reader((tmp_path / "report.html").read_text(encoding="utf-8")).all("img")
