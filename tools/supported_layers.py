#!/usr/bin/env python3
"""Writes docs/supported-layers.md: every layer and operation with its options, what is refused, and the largest error.

    supported_layers.py PRINT_REGISTRIES [--check]

PRINT_REGISTRIES is the program that build/tests/print_registries.c makes: it prints the registries and their field tables.
The refusals that depend on more than a value are the messages of HP_ERROR_UNSUPPORTED in the files of src/layers and src/ops;
the errors are those of tests/keras/conformance/measured.json, which tools/measure_errors.py writes. With --check nothing
is written: exit 1 where the document is not what would be.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "supported-layers.md"
MEASURED = ROOT / "tests" / "keras" / "conformance" / "measured.json"
WEIGHT_KEYS = ("_initializer", "_regularizer", "_constraint")
# Refusals that say no more than the document's own line on sizes.
MOST_OWNERS = 14  # a refusal of more classes than these is one of a helper that all share
SIZES = re.compile(r"too (large|many)|more than|larger than|sizes beyond| places|frames of")


def number(value):
    """A number as people write it: 1e-3, 0.2, 32."""
    text = f"{value:.10g}"
    return re.sub(r"e([+-])0*", lambda m: "e" + m[1].replace("+", ""), text)


def bounds(field, word):
    """"integer ≥ 1", "number 0 to 1"."""
    low, high = field.get("min"), field.get("max")
    low, high = (None if x is not None and abs(x) >= LARGE else x for x in (low, high))
    if low is not None and low == high:
        return number(low)
    if high is not None:
        return f"{word} {number(low)} to {number(high)}"
    return word if low is None else f"{word} ≥ {number(low)}"


WORDS = {"int": "integer", "float": "number", "ints": "integers", "string": "text", "dtype": "dtype", "layer": "layer",
         "layers": "layers"}
LARGE = 1e7  # bounds beyond it say nothing to people


def option(field):
    """One option of a class: its name, default and what it takes."""
    kind, default = field["type"], field.get("default")
    takes = ""
    if kind in WORDS:
        takes = bounds(field, WORDS[kind])
    elif kind == "activation":
        default = field.get("says", "linear")
    elif kind == "enum":
        others = [f'"{v}"' for v in field["values"] if v != default]
        takes = ("or " if default is not None and others else "") + ", ".join(others)
    elif kind == "json":
        takes = field.get("says", "")
    text = f"`{field['name']}`"
    if default is not None:
        quoted = f'"{default}"' if kind == "enum" else default if isinstance(default, str) else \
            str(default).lower() if isinstance(default, bool) else number(default)
        text += f" = {quoted}"
    if field["required"]:
        takes = f"{takes}, required" if takes else "required"
    elif field["null"] and kind in ("int", "float", "ints", "enum"):
        takes += ", or null"
    return f"{text} ({takes})" if takes else text


def ignored(fields):
    """The training-only keys, `kernel_*` for the three that belong to a weight."""
    names = [f["name"] for f in fields if f["type"] == "ignore"]
    stems = {n[: -len(WEIGHT_KEYS[0])] for n in names if n.endswith(WEIGHT_KEYS[0])}
    stems = {s for s in stems if all(s + key in names for key in WEIGHT_KEYS)}
    short = [f"`{n}`" for n in names if not any(n == s + key for s in stems for key in WEIGHT_KEYS)]
    return sorted(f"`{s}_*`" for s in stems) + short


class Sources:
    """Which classes of a folder can come to which refusal: from a class's definition through the functions and macros that
    it names."""

    WORD = re.compile(r"\w+")
    CALL = re.compile(r'HP_ERROR_UNSUPPORTED,\s*(?:(\w+|"\w+"),\s*)?((?:"(?:[^"\\]|\\.)*"\s*)+)')

    def __init__(self, *folders):
        self.bodies = {}  # (file, name) or (None, hp_name): text
        for path in sorted(p for f in folders for p in (ROOT / "src" / f).glob("*.[ch]")):
            text = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
            for name, body in self.pieces(text):
                place = None if name.startswith(("hp_", "HP_")) else f"{path.parent.name}/{path.stem}"
                self.bodies[place, name] = self.bodies.get((place, name), "") + body

    @staticmethod
    def pieces(text):
        """(name, text) of the macros, functions, objects and uses of macros at the top level of a file."""
        for define in re.finditer(r"^#define (\w+)(?:[^\n]*\\\n)*[^\n]*\n", text, flags=re.M):
            yield define[1], define[0]
        text = re.sub(r"^#(?:[^\n]*\\\n)*[^\n]*\n", "", text, flags=re.M)
        piece, depth = "", 0
        for line in text.splitlines(keepends=True):
            if not piece and not re.match(r"\w", line):
                continue
            piece += line
            plain = re.sub(r'"(?:[^"\\]|\\.)*"|\'.\'', "", line)
            depth += plain.count("{") + plain.count("(") - plain.count("}") - plain.count(")")
            if depth == 0 and re.search(r"[;})]\s*$", plain):
                yield Sources.name_of(piece), piece
                piece = ""

    @staticmethod
    def name_of(piece):
        """What a piece defines: a function, an object, or by a macro that makes a class its first argument."""
        head = piece.split("{")[0]
        call = re.search(r"(\w+)\(", head)
        if call and "=" not in head[: call.start()]:
            return call[1] if call.start() else re.search(r"\(\s*(\w+)", head)[1]
        named = re.search(r"(\w+)(?:\[\w*\])* =", piece)
        return named[1] if named else ""

    def refusals(self, folder, cls):
        """(key or None, text) of each HP_ERROR_UNSUPPORTED that the class can come to."""
        file, seen, found = f"{folder}/{cls['file']}", set(), []
        waiting = [(file, cls["class"]), (None, {"layers": "hp_layer_", "ops": "hp_op_"}[folder] + cls["class"])]
        while waiting:
            at = waiting.pop(0)
            if at in seen or at not in self.bodies:
                continue
            seen.add(at)
            for key, message in self.CALL.findall(self.bodies[at]):
                message = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', message)).replace('\\"', '"')
                message = re.sub(r"%[-.*0-9]*(?:ll|z)?[a-z]", "...", message)
                if not SIZES.search(message):
                    found.append((key.strip('"') if key.startswith('"') else None, message))
            for word in self.WORD.findall(self.bodies[at]):
                waiting += [(at[0] or file, word), (None, word)]
        return found


def error_text(value):
    return "0" if value == 0 else f"{value:.0e}".replace("e-0", "e-")


class Document:
    """The lines of the document."""

    sources = Sources("layers", "ops")

    def __init__(self, registries, measured):
        self.registries, self.measured, self.lines = registries, measured, []

    def error(self, kind, name):
        """The largest error of a class; None where nothing measured it."""
        found, bound = (self.measured[key].get(f"{kind} {name}") for key in ("errors", "bounds"))
        if found or not bound:
            return error_text(found[2]) if found else None
        return ("≤ " if bound[2] > 0 else "") + error_text(bound[2])

    def errors(self, kind, classes):
        """One figure where all are the same, else each with its name."""
        found = [(c["class"], self.error(kind, c["class"])) for c in classes]
        found = [(n, e) for n, e in found if e is not None]
        if not found:
            return None
        if len({e for _, e in found}) == 1:
            return found[0][1]
        return ", ".join(f"{n} {e}" for n, e in found)

    def say(self, *lines):
        self.lines += lines

    def families(self, kind):
        """{title: classes}, in the order of the list."""
        found = {}
        for c in self.registries[kind]:
            found.setdefault(c["family"], []).append(c)
        return found

    def refused_in(self, folder, classes):
        """What files of a family refuse, with the classes that have the key where it is known."""
        falses = {}
        for c in classes:
            for f in c["fields"]:
                if f["type"] == "false":
                    falses.setdefault(f"`{f['name']}` = true: {f['says']}", []).append(c["class"])
        said = [f"{', '.join(names)}: {text}" for text, names in falses.items()]
        owners = {}
        for c in classes:
            for key, message in self.sources.refusals(folder, c):
                owners.setdefault(f"`{key}`: {message}" if key else message, []).append(c["class"])
        for text, names in owners.items():
            names = list(dict.fromkeys(names))
            if len(names) <= MOST_OWNERS:
                said.append(f"{', '.join(names)}: {text}")
        return said

    def layers(self):
        for family, classes in self.families("layers").items():
            self.say(f"### {family}", "")
            groups = {}
            for c in classes:
                groups.setdefault(json.dumps([c["fields"], c["any_dtype"]]), []).append(c)
            for group in groups.values():
                fields = group[0]["fields"]
                names = ", ".join(f"**{c['class']}**" for c in group)
                options = [option(f) for f in fields if f["type"] not in ("ignore", "false")]
                self.say(f"{names}: {', '.join(options) if options else 'no options'}.  ")
                if skipped := ignored(fields):
                    self.say(f"Without effect: {', '.join(skipped)}.  ")
                if group[0]["any_dtype"]:
                    self.say("Takes every dtype policy.  ")
                if errors := self.errors("layer", group):
                    self.say(f"Largest error: {errors}.  ")
                self.lines[-1] = self.lines[-1].rstrip()
                self.say("")
            self.refusal_list("layers", classes)

    def refusal_list(self, folder, classes):
        if said := self.refused_in(folder, classes):
            self.say("Refused:", "", *(f"- {text}" for text in said), "")

    def operations(self):
        for family, classes in self.families("operations").items():
            self.say(f"### {family}", "")
            groups = {}
            for c in classes:
                options = [option(f) for f in c["fields"] if f["type"] not in ("ignore", "false")]
                groups.setdefault(", ".join(options), []).append(c)
            for options, group in sorted(groups.items()):
                named = []
                for c in group:
                    error = self.error("operation", c["class"])
                    named.append(f"**{c['class']}**" + (f" {error}" if error else ""))
                self.say(f"- {', '.join(named)}" + (f": {options}" if options else ""))
            self.say("")
            self.refusal_list("ops", classes)

    def write(self):
        m, r = self.measured, self.registries
        linked = "  \n".join(
            f"{title}: " + " · ".join(f"[{f}](#{re.sub(r'[^a-z0-9 _-]', '', f.lower()).replace(' ', '-')})"
                                      for f in self.families(kind))
            for title, kind in (("Layers", "layers"), ("Operations", "operations")))
        self.say(
            "# Supported layers and operations", "",
            f"{len(r['layers'])} layers and {len(r['operations'])} operations of `keras.ops` and TensorFlow, with all options that change a prediction. "
            "Made by `tools/supported_layers.py` from the tables that hornpipe reads model files with; `hornpipe check MODEL` tells of a model what is missing.", "",
            linked, "",
            "- **Options** stand with their default (`= `) or what they take; a value outside is refused. Keys *without effect* matter for training alone, or "
            "change no value. Any other key is refused by name, but for those of every layer (`name`, `trainable`, `dtype`, `activity_regularizer` ...).",
            f"- **Largest error** is the largest |hornpipe - Keras| over the largest value of the output, in float32 and float64, over models made "
            f"of calls of Keras's own tests (`make check-conformance` has two of each class, `make conformance` all), and over the stored cases: Keras {m['keras']}, {m['isa']}. "
            "0: the same bits (integers and strings always are); ≤: of models that hold others as well. Other dtypes: [numerics](numerics.md).",
            "- **dtypes**: layers compute in float32, float64, float16, bfloat16 and the mixed policies; those with `quantization_config` as int8, int4 and float8 "
            "as well (`model.quantize`; not GPTQ and AWQ). Layers whose output is no float take every policy. Operations take what Keras takes; complex numbers between Fourier transforms and what makes real numbers of them, and as outputs.",
            "- **Sizes**: tensors have up to 8 axes; masks, windows and unrolled steps have bounds that the messages name.",
            "- **Activations** by name: " + ", ".join(f"`{a}`" for a in r["activations"]) + "; and activation layers in their place.",
            "- **Functions of TensorFlow** in graphs of Keras 2: see [there](#functions-of-tensorflow). "
            "Layers and functions of your own: [custom layers](custom-layers.md).", "",
            "## Layers", "")
        self.layers()
        self.say("## Operations", "",
                 "Names of classes; the function has the same in small letters with underscores (`ExpandDims` is `keras.ops.expand_dims`). "
                 "The number behind a name is its largest error; options that stand in the model's config come behind the colon, the other arguments are Keras's.", "")
        self.operations()
        self.say("## Functions of TensorFlow", "",
                 "`TFOpLambda`, `SlicingOpLambda` and `TensorFlowOpLayer` of Keras 2 for these functions of `tf`: "
                 + ", ".join(f"`{f}`" for f in sorted(filter(None, r["tensorflow"]), key=str.lower)) + ".", "",
                 "## Refused", "", "Everything else that Keras 3 has, and why not:", "")
        reasons = {}
        for entry in r["refused"]:
            reasons.setdefault(entry["reason"], []).append(entry["class"])
        self.say(*(f"- {', '.join(f'`{n}`' for n in names)}: {reason}" for reason, names in reasons.items()), "",
                 "Functions of TensorFlow in graphs of Keras 2, and raw operations; `*` stands for all that begin so. Any other is refused by its name alone:", "")
        reasons = {}
        for entry in r["refused_functions"]:
            reasons.setdefault(entry["reason"], []).append(entry["function"])
        self.say(*(f"- {', '.join(f'`{n}`' for n in names)}: {reason}" for reason, names in reasons.items()), "")
        return "\n".join(self.lines)


def main():
    run = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True)
    text = Document(json.loads(run.stdout), json.loads(MEASURED.read_text())).write()
    if sys.argv[2:] != ["--check"]:
        DOCUMENT.write_text(text)
        return 0
    if not DOCUMENT.exists() or DOCUMENT.read_text() != text:
        print(f"{DOCUMENT.relative_to(ROOT)} is not what the registries say: `make supported-layers` writes it")
        return 1
    print("supported_layers: the document is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
