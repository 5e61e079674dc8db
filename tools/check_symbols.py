#!/usr/bin/env python3
"""Checks names in what was built: everything with external linkage begins with hp_, and the shared library exports exactly
the functions that hornpipe.h declares.

    check_symbols.py LIBHORNPIPE.a LIBHORNPIPE.so HORNPIPE.h
"""
import re
import subprocess
import sys


def defined(arguments):
    """The names that `nm` lists as defined, without symbol versions."""
    text = subprocess.run(["nm", "--defined-only", "--format=posix", *arguments], capture_output=True, text=True, check=True).stdout
    found = [line.split() for line in text.splitlines() if line and not line.endswith(":")]
    return {fields[0].split("@")[0] for fields in found if len(fields) > 1 and fields[1] != "A"}


def declared(header):
    """The functions that the header marks HP_API."""
    text = re.sub(r"/\*.*?\*/", "", open(header, encoding="utf-8").read(), flags=re.S)
    return set(re.findall(r"^HP_API\b[^;]*?\b(hp_\w+)\s*\(", text, flags=re.M))


def main():
    static, shared, header = sys.argv[1:]
    faults = [f"{static}: {name} has external linkage and does not begin with hp_"
              for name in sorted(defined(["--extern-only", static])) if not re.match(r"_?_?hp_|__(asan|ubsan|odr_asan)", name)]
    wanted, exported = declared(header), defined(["--dynamic", "--extern-only", shared])
    faults += [f"{shared}: {name} is exported but not in hornpipe.h" for name in sorted(exported - wanted)]
    faults += [f"{shared}: {name} is in hornpipe.h but not exported" for name in sorted(wanted - exported)]
    print("\n".join(faults), end="\n" if faults else "")
    print(f"check_symbols: {len(exported)} functions exported, {len(faults)} faults")
    return 1 if faults or not exported else 0


if __name__ == "__main__":
    sys.exit(main())
