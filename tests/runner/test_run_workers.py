"""The worker processes of a script that is run."""

import gluon_doconv as doconv

import pytest
from processes import arrays, doconv_run, write


@pytest.mark.parametrize("arguments", [["workers.py"], ["-m", "workers"]])
@pytest.mark.parametrize(("selection", "count"), [(["--stages", "1"], 6), (["--off"], 0)])
def test_worker_processes_find_the_script_and_build_what_it_builds(arguments, selection, count, tmp_path):
    write(
        tmp_path / "workers.py",
        """
        import multiprocessing, os
        from gluoncv.model_zoo import get_model

        def count(name):
            return sum(parameter.endswith("_D") for parameter in get_model(name).collect_params())

        if __name__ == "__main__":
            get_model("cifar_resnet20_v1")
            os.chdir("/")
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(count, ["cifar_resnet20_v1"]))
        """,
    )
    done = doconv_run(*selection, *arguments, cwd=tmp_path)
    assert done.stdout == f"[{count}]\n", done.stderr


def test_what_processes_of_a_script_save_is_folded_and_named(tmp_path):
    write(
        tmp_path / "workers.py",
        """
        import multiprocessing, os
        import mxnet as mx
        from gluoncv.model_zoo import get_model

        def save(name):
            net = get_model("cifar_resnet20_v1")
            net.initialize()
            net(mx.nd.zeros((1, 3, 16, 16)))
            for d in net.collect_params(".*D$").values():
                d.set_data(mx.nd.random.normal(0, 0.1, shape=d.shape))
            net.save_parameters(f"{name}.params")

        if __name__ == "__main__":
            for method in ("fork", "spawn"):
                worker = multiprocessing.get_context(method).Process(target=save, args=(method,))
                worker.start()
                worker.join()
            child = os.fork()
            if not child:
                save("child")
                raise SystemExit
            os.waitpid(child, 0)
        """,
    )
    done = doconv_run("--fold-on-save", "workers.py", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    named = [line.split("wrote ")[1] for line in done.stderr.splitlines() if "wrote " in line]
    saved = ("fork", "spawn", "child")
    assert named == [f"{name}{folded}.params" for name in saved for folded in ("", "-folded")]
    for name in saved:
        doconv.fold_params(tmp_path / f"{name}.params", tmp_path / "by-hand.params")
        folded, by_hand = arrays(tmp_path / f"{name}-folded.params"), arrays(tmp_path / "by-hand.params")
        assert folded.keys() == by_hand.keys() and all((folded[n] == by_hand[n]).all() for n in folded)
