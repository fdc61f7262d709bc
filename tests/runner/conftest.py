import pytest
from processes import TRAIN, write


@pytest.fixture
def scripts(tmp_path):
    """A folder with a script that trains, and the neighbour it imports."""
    write(tmp_path / "train.py", TRAIN)
    write(tmp_path / "neighbour.py", "")
    return tmp_path
