"""What a report of a fault is told: of machines that are fakes, and of this one."""

import json
import subprocess
import sys
from importlib import metadata

from gluon_doconv.cli import main
from gluon_doconv.compat import cuda, doctor, machine, privacy
from gluon_doconv.native.operator import in_force

import pytest
from click.testing import CliRunner

A100 = "NVIDIA A100-SXM4-40GB, 8.0, 525.60.13, 40960 MiB"
H100 = "NVIDIA H100 PCIe, 9.0, 535.54.03, 81559 MiB"
GOOD = {"facts": {"threads MXNet computes with": "1"}, "errors": {}}
MEMINFO = "MemTotal:       16384 kB\nMemFree:         1024 kB\nMemAvailable:  524288 kB\n"


@pytest.fixture
def pretend(monkeypatch):
    """Make a machine of fakes: what is installed, what nvidia-smi prints, what importing MXNet comes to."""

    def machine_with(installed=("mxnet",), cards=None, smi_code=0, probe=GOOD, probe_code=0, stderr=""):
        versions = {"Python": "3.11.7", **dict.fromkeys(installed, "1.9.1"), "onnx": "1.17.0"}
        monkeypatch.setattr(doctor, "versions", lambda: versions)

        def run(command, **_):
            if command[0] == "nvidia-smi":
                if cards is None:
                    raise FileNotFoundError(2, "No such file or directory", "nvidia-smi")
                return subprocess.CompletedProcess(command, smi_code, "\n".join(cards), "")
            return subprocess.CompletedProcess(command, probe_code, f"noise\n{json.dumps(probe)}\n", stderr)

        monkeypatch.setattr(subprocess, "run", run)
        monkeypatch.setattr(cuda, "preload", list)
        return doctor.examine()

    return machine_with


def test_nothing_is_wrong(pretend):
    diagnosis = pretend()
    assert diagnosis.faults == ()
    assert diagnosis.sections["Graphics cards"] == {"driver": "there is no nvidia-smi"}
    assert str(diagnosis).endswith("Nothing is wrong that could be seen from here.")


def test_without_mxnet_it_says_how_to_install_it(pretend):
    (fault,) = pretend(installed=()).faults
    assert fault.startswith("MXNet is not installed: pip install 'gluon_doconv[cpu]'")


@pytest.mark.parametrize(
    ("probed", "fault"),
    [
        (
            {"probe": {"facts": {}, "errors": {"mxnet": "OSError: libcuda.so.1: cannot open"}}},
            "import mxnet fails: OSError: libcuda.so.1: cannot open",
        ),
        ({"probe_code": -4}, "Importing MXNet or GluonCV ends the process by SIGILL."),
        ({"probe_code": 1, "stderr": "Traceback\nOops: bad\n"}, "Importing MXNet or GluonCV fails: Oops: bad"),
    ],
)
def test_an_mxnet_that_does_not_import_is_one_sentence(pretend, probed, fault):
    assert pretend(**probed).faults == (fault,)


def test_two_mxnets_are_one_too_many(pretend):
    (fault,) = pretend(installed=("mxnet", "mxnet-cu102")).faults
    assert fault == "mxnet and mxnet-cu102 are installed over each other: uninstall all, and install one."


def test_cards_are_held_against_mxnets_code(pretend, monkeypatch):
    monkeypatch.setattr(doctor, "_loads", lambda library: True)
    diagnosis = pretend(installed=("mxnet-cu112",), cards=[A100, H100])
    assert diagnosis.sections["Graphics cards"]["card 0"] == (
        "NVIDIA A100-SXM4-40GB, sm_80, 40960 MiB, driver 525.60.13"
    )
    assert diagnosis.faults == (
        "This MXNet has no code for NVIDIA H100 PCIe, sm_90, 81559 MiB, driver 535.54.03.",
    )


def test_cards_do_not_matter_to_an_mxnet_without_cuda(pretend):
    diagnosis = pretend(cards=[H100])
    assert diagnosis.faults == () and "card 0" in diagnosis.sections["Graphics cards"]


def test_libraries_that_are_missing_are_named(pretend, monkeypatch):
    monkeypatch.setattr(doctor, "_loads", lambda library: "cudnn" not in library)
    diagnosis = pretend(installed=("mxnet-cu112",), cards=[A100])
    assert diagnosis.faults == ("libcudnn.so.8 is not found: pip install 'gluon_doconv[cu112]'",)
    assert diagnosis.sections["Graphics cards"]["libcuda.so.1"] == "found"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9),
        ('Field "compute_cap" is not a valid field to query.', 2),
    ],
)
def test_a_driver_that_does_not_answer_is_quoted(pretend, said, code):
    diagnosis = pretend(cards=[said], smi_code=code)
    assert diagnosis.sections["Graphics cards"] == {"driver": said}


def test_a_card_of_unknown_capability_is_shown_as_it_is(pretend):
    assert pretend(cards=["Tesla, [N/A], 1, 2"]).sections["Graphics cards"]["driver"] == "Tesla, [N/A], 1, 2"


def test_an_onnx_that_is_too_new(pretend, monkeypatch):
    pretend()
    monkeypatch.setattr(doctor, "versions", lambda: {"mxnet": "1.9.1", "onnx": "1.19.0"})
    (fault,) = doctor.examine().faults
    assert "onnx 1.19.0 is too new" in fault


def test_packages_that_are_missing_are_said_to_be(monkeypatch):
    def version(name):
        if name == "onnx":
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    found = doctor.versions()
    assert found["onnx"] == "not installed" and found["numpy"] == "1.0"


def test_memory_is_read_in_kibibytes(monkeypatch, tmp_path):
    (tmp_path / "meminfo").write_text(MEMINFO)
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "meminfo")
    assert machine.memory() == {"memory": "0.0 GiB", "memory free": "0.5 GiB"}
    monkeypatch.setattr(machine, "MEMORY", tmp_path / "nothing")
    assert machine.memory() == {}


def test_nothing_private_is_said(pretend, monkeypatch):
    monkeypatch.setenv("HOME", "/home/alice")
    monkeypatch.setenv("USER", "alice")
    monkeypatch.setattr(privacy.platform, "node", lambda: "wonderland")
    monkeypatch.setenv("MXNET_HOME", "/home/alice/models:/data/alice/more")
    monkeypatch.setenv("GLUON_DOCONV_NOTE", "from wonderland, for alicebob")
    monkeypatch.setenv("SECRET", "alice's")
    failed = {"facts": {}, "errors": {"mxnet": "OSError: /home/alice/env/libmxnet.so is on wonderland"}}
    diagnosis = pretend(probe=failed)
    assert diagnosis.sections["Environment"]["MXNET_HOME"] == "~/models:/data/<user>/more"
    assert diagnosis.sections["Environment"]["GLUON_DOCONV_NOTE"] == "from <host>, for alicebob"
    assert "SECRET" not in diagnosis.sections["Environment"]
    assert diagnosis.faults == ("import mxnet fails: OSError: ~/env/libmxnet.so is on <host>",)


def test_this_machine_says_what_a_process_here_sees(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    result = CliRunner().invoke(main, ["doctor", "--json"])
    said = json.loads(result.output)
    assert result.exit_code == (1 if said["faults"] else 0)
    sections = said["sections"]
    assert sections["Versions"]["numpy"] == metadata.version("numpy")
    assert sections["Versions"]["Python"] == sys.version.split()[0]
    assert sections["MXNet and GluonCV"]["threads MXNet computes with"] == "1"
    assert sections["MXNet and GluonCV"]["kernels are composed on a CPU by"] == privacy.shareable(in_force())
    assert "roi-align" in sections["MXNet and GluonCV"]["workarounds of gluon-doconv run"]
    assert sections["Environment"]["OMP_NUM_THREADS"] == "1"
