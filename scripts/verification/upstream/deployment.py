"""export_pretrained.py, and ``gluoncv.utils.export_block`` of trained networks, live and folded."""

from __future__ import annotations

from dataclasses import dataclass

from .case import Case, Findings, Place, Step
from .classification import IMAGENET, REC, imagenet_network, imagenet_run
from .comparing import SameExports
from .folding import Folds
from .run import OWN, Give, Run, doconv_run, run_logged

PRETRAINED = "deployment/export/export_pretrained.py"


@dataclass(frozen=True)
class ExportBlock:
    """Call ``export_block`` on a network of the zoo with a checkpoint in it."""

    folder: str
    network: str
    params: str
    size: tuple[int, int]
    fold: bool = False
    options: str = ""

    def __call__(self, place: Place) -> Findings:
        """Write exported-symbol.json and exported-0000.params into the folder."""
        work = place.work / self.folder
        work.mkdir()
        script = [str(OWN / "export_trained.py"), *(["--fold"] if self.fold else [])]
        arguments = [self.network, str(place.find(self.params)), *map(str, self.size)]
        run_logged([*doconv_run(place, self.options), *script, *arguments], work, place)
        return {}


def exports(network: str, saved: str, size: tuple[int, int]) -> tuple[Step, ...]:
    """``export_block`` before and after folding writes what it writes of the folded file in a plain network."""
    before, after, plain = "exported before", "exported after", "exported plain"
    finding = "export_block before and after fold writes the plain network"
    return (
        ExportBlock(before, network, saved, size),
        ExportBlock(after, network, saved, size, fold=True),
        ExportBlock(plain, network, "folded.params", size, options="--off"),
        SameExports(f"{before}/exported", f"{plain}/exported", finding),
        SameExports(f"{after}/exported", f"{plain}/exported", finding),
    )


def _pretrained(model: str) -> Case:
    saved = "base/params/imagenet-*-0.params"
    weights = "--weights ../weights"
    steps = (
        imagenet_run("base", model, f"{REC} -j 2 --mode hybrid"),
        Folds(saved, imagenet_network(model)),
        Give(saved, model),
        Run("export", PRETRAINED, f"-m {model}", weights),
        Give("folded.params", model),
        Run("export plain", PRETRAINED, f"-m {model}", f"--off {weights}"),
        SameExports(f"export/{model}", f"export plain/{model}", "writes the plain network"),
        *exports(model, saved, (64, 64)),
    )
    return Case(f"export_pretrained {model}, with a DO-Conv file", steps, (PRETRAINED, IMAGENET, model))


CASES = (_pretrained("resnet18_v1b"), _pretrained("mobilenetv2_0.25"))
