"""The worker processes of a script that is run."""

import pytest
from processes import doconv_run, write


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
