#!/usr/bin/env python3
"""Runs shell commands and draws what a terminal would show as an SVG picture, for the README.

    terminal_svg.py OUTPUT.svg COMMAND...

Each command is run by bash in the current folder; standard output and error are shown together, as a person sees them.
"""
import html
import subprocess
import sys

COLUMNS, CHARACTER, LINE, MARGIN = 100, 8.4, 19, 16


def transcript(commands):
    lines = []
    for command in commands:
        lines.append(("prompt", "$ " + command))
        run = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for line in run.stdout.rstrip("\n").split("\n"):
            line = line.expandtabs()
            while line:
                lines.append(("output", line[:COLUMNS]))
                line = line[COLUMNS:]
        lines.append(("output", ""))
    return lines[:-1]


def draw(lines):
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    colours = {"prompt": "#8be9a8", "output": "#d8dee9"}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" font-family="monospace" '
        f'font-size="14">',
        f'<rect width="100%" height="100%" rx="8" fill="#1e2430"/>',
    ]
    for i, (kind, text) in enumerate(lines):
        y = MARGIN + (i + 0.75) * LINE
        parts.append(f'<text x="{MARGIN}" y="{y:.1f}" fill="{colours[kind]}" xml:space="preserve">{html.escape(text)}</text>')
    return "\n".join(parts + ["</svg>"]) + "\n"


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write(draw(transcript(sys.argv[2:])))


if __name__ == "__main__":
    main()
