#!/usr/bin/env python3
"""Checks that includes point one way: a folder of src/ sees the folders below it and no others.

    check_includes.py [ROOT]

Prints each include that breaks the rule and fails. The table is that of cmake/HornpipeFolders.cmake as well.
"""
import pathlib
import re
import sys

SEES = {
    "base": set(),
    "format": {"base"},
        "kernels": {"base"},
    "io": {"base", "kernels"},
    "prims": {"base", "kernels"},
    "layers": {"base", "kernels", "prims"},
    "ops": {"base", "kernels", "prims", "layers"},
    "graph": {"base", "kernels", "prims", "layers", "ops", "format", "io"},
    "exec": {"base", "kernels", "prims", "layers", "ops", "format", "io", "graph"},
    "cli": set(),  # hornpipe.h only
}
# Outside headers that belong to one folder, so that what depends on them can be seen at a glance.
OUTSIDE = {
    "hdf5": {"format", "io"},
    "H5FDdevelop": {"format", "io"},
    "zip": {"format", "io"},
    "json-c": {"format"},
    "json": {"format"},
    "immintrin": {"kernels"},
    "arm_neon": {"kernels"},
    "pthread": {"base"},
}
# Headers of base that some folders have no business with.
FORBIDDEN = {
    "base/thread.h": {"kernels", "layers", "ops"},
    "base/cores.h": {"kernels", "layers", "ops"},
}


def includes(path):
    """Yields (line number, name, quoted) of each include of a file."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if found:
            yield number, found[2], found[1] == '"'


def fault(root, folder, path, name, quoted):
    """What is wrong with one include; None when nothing is."""
    if not quoted:
        stem = re.split(r"[/.]", name)[0]
        if stem in OUTSIDE and folder not in OUTSIDE[stem]:
            return f"<{name}> belongs to {', '.join(sorted(OUTSIDE[stem]))}"
        return None
    if name == "hornpipe.h":
        return None
    target = name.split("/")[0]
    if "/" not in name or target not in SEES:
        return f'"{name}" is not written from src/ or include/'
    if not (root / "src" / name).is_file():
        return f'"{name}" does not exist'
    if target != folder and target not in SEES[folder]:
        return f'src/{folder} must not see src/{target} ("{name}")'
    if folder in FORBIDDEN.get(name, ()):
        return f'src/{folder} must not see "{name}"'
    return None


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    faults, files = [], 0
    for folder in sorted(p.name for p in (root / "src").iterdir() if p.is_dir()):
        if folder not in SEES:
            faults.append(f"src/{folder}: not in the table of {pathlib.Path(__file__).name}")
            continue
        for path in sorted((root / "src" / folder).rglob("*")):
            if path.suffix not in (".c", ".h", ".inc", ".def"):
                continue
            files += 1
            for number, name, quoted in includes(path):
                wrong = fault(root, folder, path, name, quoted)
                if wrong:
                    faults.append(f"{path.relative_to(root)}:{number}: {wrong}")
    print("\n".join(faults), end="\n" if faults else "")
    print(f"check_includes: {files} files, {len(faults)} faults")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
