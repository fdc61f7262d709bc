"""Two workers by ps-lite that update by themselves, which in stock MXNet do not always start alike."""

import numpy as np
import pytest
from verification.upstream.case import CheckError
from verification.workers import jobs, outcomes

ON_WORKERS = jobs.MODES[1]


def test_both_end_alike_and_so_does_a_job_that_was_killed_and_restarted(tmp_path):
    outcome = outcomes.examine(ON_WORKERS, tmp_path)
    assert outcome.problem == ""
    assert (outcome.trained, outcome.restarted) == ("19 of 19", "ends where the whole one ends")


def test_a_mode_that_needs_what_is_not_installed_says_so(tmp_path):
    mode = jobs.Mode("by carrier pigeon", (), needs="pigeon_post")
    assert outcomes.examine(mode, tmp_path).problem == "pigeon_post is not installed"


def test_a_d_that_rests_is_a_failure():
    with pytest.raises(CheckError, match="1 of 2 D have moved"):
        outcomes._all_trained({"a.D": np.ones(2), "b.D": np.zeros(2), "b.weight": np.ones(2)})
