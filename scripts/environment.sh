# Read by the other scripts. Sets root (the checkout) and bin (the programs of its virtual environment,
# which is made on first use). PYTHON=/path/to/python chooses the interpreter; otherwise it is python3.

root=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd) || exit 1
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null 2>&1; then
    echo "There is no $python here. Install CPython 3.8 to 3.13, or name one: PYTHON=/path/to/python $0" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(not ((3, 8) <= sys.version_info[:2] <= (3, 13)))'; then
    echo "$python is $("$python" --version 2>&1); this needs CPython 3.8 to 3.13." >&2
    echo "Name another one: PYTHON=/path/to/python $0" >&2
    exit 1
fi
bin=$("$python" "$root/scripts/environment.py") || exit 1
