"""export_pretrained.py, and ``gluoncv.utils.export_block`` of trained networks, live and folded."""

from __future__ import annotations

from .case import Case, Step
from .classification import IMAGENET, REC, imagenet_network, imagenet_run
from .comparing import same_exports
from .folding import folds
from .run import OWN, Run, give

PRETRAINED = "deployment/export/export_pretrained.py"
EXPORT_BLOCK = str(OWN / "export_trained.py")


def exports(network: str, saved: str, height: int, width: int) -> tuple[Step, ...]:
    """Check that ``export_block`` writes the same before folding, after it, and of the folded file, plain."""
    before, after, plain = "exported before", "exported after", "exported plain"
    finding = "export_block before and after fold writes the plain network"
    size = f"{height} {width}"
    return (
        Run(before, EXPORT_BLOCK, f"{network} @{saved} {size}"),
        Run(after, EXPORT_BLOCK, f"{network} @{saved} {size} --fold"),
        Run(plain, EXPORT_BLOCK, f"{network} @folded.params {size}", "--off"),
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
        *exports(model, saved, 64, 64),
    )
    return Case(f"export_pretrained {model}, with a DO-Conv file", steps, (PRETRAINED, IMAGENET, model))


CASES = (_pretrained("resnet18_v1b"), _pretrained("mobilenetv2_0.25"))
