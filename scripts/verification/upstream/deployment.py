"""export_pretrained.py, and ``gluoncv.utils.export_block`` of trained networks, live and folded."""

from __future__ import annotations

from .case import Case, Findings, Place, Step
from .classification import IMAGENET, REC, imagenet_network, imagenet_run
from .comparing import same_exports
from .folding import folds
from .run import OWN, Run, doconv_run, give, run_logged

PRETRAINED = "deployment/export/export_pretrained.py"


def export_block(
    folder: str, network: str, params: str, size: tuple[int, int], words: str = "", options: str = ""
) -> Step:
    """Call ``export_block`` on a network of the zoo with a checkpoint in it.

    It writes ``exported-symbol.json`` and ``exported-0000.params`` into the folder; the words are those of
    ``export_trained.py``, the options those of ``gluon-doconv run``.
    """

    def export(place: Place) -> Findings:
        work = place.work / folder
        work.mkdir()
        script = [
            str(OWN / "export_trained.py"),
            *words.split(),
            network,
            str(place.find(params)),
            *map(str, size),
        ]
        run_logged([*doconv_run(place, options), *script], work, place)
        return {}

    return export


def exports(network: str, saved: str, size: tuple[int, int]) -> tuple[Step, ...]:
    """``export_block`` before and after folding writes what it writes of the folded file in a plain network."""
    before, after, plain = "exported before", "exported after", "exported plain"
    finding = "export_block before and after fold writes the plain network"
    return (
        export_block(before, network, saved, size),
        export_block(after, network, saved, size, "--fold"),
        export_block(plain, network, "folded.params", size, options="--off"),
        same_exports(f"{before}/exported", f"{plain}/exported", finding),
        same_exports(f"{after}/exported", f"{plain}/exported", finding),
    )


def _pretrained(model: str) -> Case:
    saved = "base/params/imagenet-*-0.params"
    weights = "--weights ../weights"
    steps: tuple[Step, ...] = (
        imagenet_run("base", model, f"{REC} -j 2 --mode hybrid"),
        folds(saved, imagenet_network(model)),
        give(saved, model),
        Run("export", PRETRAINED, f"-m {model}", weights),
        give("folded.params", model),
        Run("export plain", PRETRAINED, f"-m {model}", f"--off {weights}"),
        same_exports(f"export/{model}", f"export plain/{model}", "writes the plain network"),
        *exports(model, saved, (64, 64)),
    )
    return Case(f"export_pretrained {model}, with a DO-Conv file", steps, (PRETRAINED, IMAGENET, model))


CASES = (_pretrained("resnet18_v1b"), _pretrained("mobilenetv2_0.25"))
