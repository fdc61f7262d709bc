"""Insertions into files as a diff, and files in a folder."""


def as_diff(insertions):
    """The unified diff, as ``git diff -U0`` writes it."""
    lines = []
    for path, hunks in insertions.items():
        lines.append(f"--- a/{path}\n+++ b/{path}\n".encode())
        shift = 0
        for hunk in hunks:
            count = len(hunk.lines)
            size = "" if count == 1 else f",{count}"
            lines.append(f"@@ -{hunk.after},0 +{hunk.after + shift + 1}{size} @@\n".encode())
            lines.extend(b"+" + line for line in hunk.lines)
            shift += count
    return b"".join(lines)


def write(folder, files):
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
