#!/usr/bin/env python3
"""Checks the shape of the sources: sizes, opening comments, and that the registries are the single source of what they list.

    check_structure.py [ROOT]

  - a file has fewer than 600 lines, a function fewer than 80, and every source opens with a comment;
  - every line of layers.def, ops.def and prims.def has its file, and every file that defines a layer, op or primitive
    has its line;
  - every layer, op and primitive is named in a test;
  - no code outside a layer's own file knows its name: no switch over layers (names that an old file's fix-ups rewrite, in
    src/format, and what builds the graph of a model itself are free to);
  - the library calls nothing whose answer depends on the locale (a Turkish one has no i for I, a German one reads 0,5);
  - no notes of unfinished work.
"""
import pathlib
import re
import sys

MOST_LINES, MOST_FUNCTION_LINES = 600, 80
PUBLIC_HEADER = pathlib.Path("include/hornpipe.h")  # one by contract: tiers in the place of files
SOURCES = (".c", ".h", ".inc", ".def")
REGISTRIES = {"layers": ("layers.def", "LAYER"), "ops": ("ops.def", "OP"), "prims": ("prims.def", "PRIM")}
# What a file of each folder defines per line of its registry.
DEFINES = {"layers": r"^const hp_layer_class hp_layer_(\w+)", "ops": r"^const hp_op_class hp_op_(\w+)",
           "prims": r"^const hp_prim hp_prim_(\w+)"}
BY_LOCALE = r"\b(tolower|toupper|strn?casecmp|strcoll|is(?:alnum|alpha|digit|lower|print|punct|space|upper)|strto[df]|atof)\("
BY_LOCALE_AND_RIGHT = {"src/base/json_text.c", "src/io/float_parse.c"}  # which set right what the locale does
# Class names that are part of how Keras writes any model down, so that code outside src/layers may know them.
CONTAINERS = {"InputLayer"}


def functions(lines):
    """Yields (name, first line, line count) of each function, by clang-format's layout: a body ends with } in column 0."""
    start, head = None, ""
    for number, line in enumerate(lines, 1):
        if start is None:
            if not line or line[0] in " \t#/}*":
                head = head + " " + line.strip() if head and line.startswith(" ") else ""
            else:
                head, first = (line, number) if not head else (head + " " + line, first)
            if head and head.rstrip().endswith("{"):
                named = re.search(r"(\w+)\(", head)
                plain = re.match(r"(typedef|struct|enum|union|extern)\b[^(]*\{$", head.strip()) or "=" in head.split("(")[0]
                if named and not plain:
                    start, name = first, named[1]
                head = ""
            elif head.rstrip().endswith((";", "}")):
                head = ""
        elif line.startswith("}"):
            yield name, start, number - start + 1
            start, head = None, ""


def defined_in(root, folder, name):
    """The file (without .c) that defines a primitive: its own, or that of the family it belongs to."""
    for path in sorted((root / "src" / folder).glob("*.c")):
        if name in re.findall(DEFINES[folder], path.read_text(), flags=re.M):
            return path.stem
    return name


def registry(root, folder):
    """The (name, file) pairs of a folder's .def list."""
    name, macro = REGISTRIES[folder]
    path = root / "src" / folder / name
    text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S) if path.exists() else ""
    for line in re.findall(rf"^{macro}\(([^)]*)\)", text, flags=re.M):
        fields = [field.strip().strip('"') for field in line.split(",")]
        yield fields[0], fields[2] if len(fields) > 2 else defined_in(root, folder, fields[0])


def check_sizes(root, path, text):
    name, lines = path.relative_to(root), text.splitlines()
    if len(lines) >= MOST_LINES and name != PUBLIC_HEADER:
        yield f"{name}: {len(lines)} lines, the most is {MOST_LINES - 1}"
    if not text.startswith(("/*", "//", "#!", "#", '"""')):
        yield f"{name}:1: no opening comment"
    if path.suffix in (".c", ".inc"):
        for function, first, count in functions(lines):
            if count >= MOST_FUNCTION_LINES:
                yield f"{name}:{first}: {function} has {count} lines, the most is {MOST_FUNCTION_LINES - 1}"
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            yield f"{name}:{number}: a note of unfinished work"


def check_locale(name, text):
    """The command keeps the C locale: it never calls setlocale."""
    parts = name.split("/")
    if parts[0] not in ("src", "python") or parts[1] == "cli" or name in BY_LOCALE_AND_RIGHT or name.endswith(".py"):
        return
    for number, line in enumerate(re.sub(r"/\*.*?\*/", lambda m: "\n" * m[0].count("\n"), text, flags=re.S).splitlines(), 1):
        for called in re.findall(BY_LOCALE, line):
            yield f"{name}:{number}: {called} depends on the locale"


def names(name, text):
    """Whether a text names a class, alone or as the end of a symbol (hp_layer_Dense)."""
    return re.search(rf"(?<![A-Za-z0-9]){name}(?![A-Za-z0-9_])", text)


def check_registry(root, folder, tests):
    listed = list(registry(root, folder))
    where = f"src/{folder}/{REGISTRIES[folder][0]}"
    classes = [name for name, _ in listed]
    for name in sorted({n for n in classes if classes.count(n) > 1}):
        yield f"{where}: {name} is listed {classes.count(name)} times"
    for name, file in listed:
        path = root / "src" / folder / f"{file}.c"
        if not path.is_file():
            yield f"{where}: {name} has no file src/{folder}/{file}.c"
        elif not names(name, path.read_text()):
            yield f"{where}: src/{folder}/{file}.c does not name {name}"
        if not names(name, tests):
            yield f"{where}: {name} is not named in any test under tests/"
    for path in sorted((root / "src" / folder).glob("*.c")):
        for name in re.findall(DEFINES[folder], path.read_text(), flags=re.M):
            if (name, path.stem) not in listed:
                yield f"src/{folder}/{path.name}: {name} has no line in {where}"


def check_names(root):
    """No class name of a layer or op as a string outside of its own file."""
    own = {}
    for folder in ("layers", "ops"):
        for name, file in registry(root, folder):
            own.setdefault(name, set()).add(f"{folder}/{file}.c")
    for path in sorted((root / "src").rglob("*.[ch]")):
        inside = str(path.relative_to(root / "src"))
        if inside.startswith("format/"):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for text in re.findall(r'strcmp\([^"]*"(\w+)"', line):
                if text in own and text not in CONTAINERS and inside not in own[text]:
                    yield f"src/{inside}:{number}: knows the layer or op {text} by name"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    faults, files = [], 0
    for top in ("src", "include", "python", "tests", "examples", "bench", "fuzz", "tools"):
        for path in sorted((root / top).rglob("*")) if (root / top).is_dir() else []:
            if path.suffix in SOURCES + (".py", ".sh") and "venv" not in str(path):
                files += 1
                text = path.read_text()
                if path.resolve() != pathlib.Path(__file__).resolve():
                    faults += check_sizes(root, path, text)
                    faults += check_locale(str(path.relative_to(root)), text)
    tests = "\n".join(p.read_text() for p in sorted((root / "tests").rglob("*")) if p.suffix in (".c", ".py", ".sh", ".inc", ".def"))
    for folder in REGISTRIES:
        faults += check_registry(root, folder, tests)
    faults += check_names(root)
    print("\n".join(faults), end="\n" if faults else "")
    print(f"check_structure: {files} files, {len(faults)} faults")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
