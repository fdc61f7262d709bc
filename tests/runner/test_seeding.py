"""``gluon-doconv run --seed``: random numbers repeat, in workers too, and no two processes share them."""

import json
import random

import mxnet as mx
import numpy as np
import pytest
from processes import doconv_run, write

DRAW = """
    import json, multiprocessing, random
    import mxnet as mx
    import numpy as np

    def draw(queue=None):
        drawn = [random.random(), np.random.rand(), mx.nd.random.uniform(shape=(1,)).asscalar().item()]
        return queue.put(drawn) if queue else drawn

    def drawn_by_worker(method):
        context = multiprocessing.get_context(method)
        queue = context.Queue()
        worker = context.Process(target=draw, args=(queue,))
        worker.start()
        drawn = queue.get(timeout=60)
        worker.join()
        return drawn

    class Random(mx.gluon.data.Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return np.array(draw())

    if __name__ == "__main__":
        loaded = mx.gluon.data.DataLoader(Random(), batch_size=1, num_workers=1)
        print(json.dumps({
            "script": draw(),
            "forked": [drawn_by_worker("fork"), drawn_by_worker("fork")],
            "spawned": [drawn_by_worker("spawn"), drawn_by_worker("spawn")],
            "loaded": [batch.asnumpy()[0].tolist() for batch in loaded],
        }))
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """What a script draws: twice with one seed, once with another."""
    folder = tmp_path_factory.mktemp("seeded")
    write(folder / "draw.py", DRAW)
    runs = [doconv_run("--off", "--seed", seed, "draw.py", cwd=folder) for seed in (3, 3, 4)]
    assert all(run.returncode == 0 for run in runs), runs[0].stderr
    return [json.loads(run.stdout) for run in runs]


def flat(run):
    return [run["script"], *run["forked"], *run["spawned"], *run["loaded"]]


def test_a_script_draws_what_its_own_generators_draw_from_the_seed(drawn):
    mx.random.seed(3)
    of_mxnet = mx.nd.random.uniform(shape=(1,)).asscalar()
    assert drawn[0]["script"] == [random.Random(3).random(), np.random.RandomState(3).rand(), of_mxnet]


def test_a_seed_repeats_a_run_and_its_worker_processes(drawn):
    assert drawn[0] == drawn[1]


def test_another_seed_draws_other_numbers_everywhere(drawn):
    assert not set(np.ravel(flat(drawn[0]))) & set(np.ravel(flat(drawn[2])))


def test_no_two_processes_draw_the_same_numbers(drawn):
    numbers = np.array(flat(drawn[0]))
    for generator in numbers.T:
        assert len(set(generator)) == len(numbers)


@pytest.mark.parametrize("seed", ["-1", str(2**31), "many"])
def test_a_seed_that_cannot_be_is_refused_before_anything_runs(seed, tmp_path):
    write(tmp_path / "says.py", "print('ran')")
    done = doconv_run("--seed", seed, "says.py", cwd=tmp_path)
    assert done.returncode == 2 and "--seed" in done.stderr and done.stdout == ""
