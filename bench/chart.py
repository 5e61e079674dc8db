"""The picture of docs/performance.md: every engine's rows a second beside the best peer's, as SVG that reads well in light
and dark."""
import html
import math
import statistics

from contest import PEERS, ratio
from engines import ENGINES
from run import best_peer

LEFT, RIGHT, TOP, LINE, WIDTH = 130, 70, 62, 26, 860
LEAST, MOST = 1 / 16, 4
MARKS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4)
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1d2330; }
  .soft { fill: #5c6575; font-size: 12px; }
  line { stroke: #d9dee7; }
  .one { stroke: #5c6575; }
  .hornpipe { fill: #c2410c; }
  .keras { fill: #8b93a3; }
  .onnxruntime { fill: #2563eb; }
  .openvino { fill: #7c3aed; }
  .litert { fill: #0d9488; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e8f0; }
    .soft { fill: #97a1b3; }
    line { stroke: #343b47; }
    .one { stroke: #97a1b3; }
    .hornpipe { fill: #fb923c; }
    .keras { fill: #8b93a3; }
    .onnxruntime { fill: #60a5fa; }
    .openvino { fill: #a78bfa; }
    .litert { fill: #2dd4bf; }
  }
"""


def place(value):
    """Where a ratio lies, on a logarithmic scale."""
    value = min(max(value, LEAST), MOST)
    return LEFT + (WIDTH - LEFT - RIGHT) * math.log(value / LEAST) / math.log(MOST / LEAST)


def legend():
    parts, x = [], LEFT
    for name in ("hornpipe", *PEERS):
        label = ENGINES[name].label
        parts.append(f'<circle class="{name}" cx="{x}" cy="20" r="5"/><text x="{x + 10}" y="24">{html.escape(label)}</text>')
        x += 32 + 8 * len(label)
    return parts


def scale(bottom):
    parts = []
    for mark in MARKS:
        text = f"{mark:g}" if mark >= 1 else f"1/{round(1 / mark)}"
        kind = ' class="one"' if mark == 1 else ""
        parts.append(f'<line{kind} x1="{place(mark):.1f}" x2="{place(mark):.1f}" y1="{TOP - 10}" y2="{bottom}"/>')
        parts.append(f'<text class="soft" x="{place(mark):.1f}" y="{TOP - 16}" text-anchor="middle">{text}</text>')
    return parts


def workload(name, one, y):
    """A line: a dot per engine; hornpipe's ratio at the end."""
    best = best_peer(one)
    parts = [f'<text x="{LEFT - 14}" y="{y + 4}" text-anchor="end">{html.escape(name)}</text>']
    for engine in reversed(one["engines"]):
        if not engine["rates"]:
            continue
        value = ratio(engine, best)
        size = 7 if engine["name"] == "hornpipe" else 5
        rate = statistics.median(engine["rates"])
        parts.append(
            f'<circle class="{engine["name"]}" cx="{place(value):.1f}" cy="{y}" r="{size}"><title>'
            f"{html.escape(engine['engine'])}: {rate:,.0f} rows/s, {value:.2f} x</title></circle>"
        )
        if engine["name"] == "hornpipe":
            parts.append(f'<text x="{WIDTH - 10}" y="{y + 4}" text-anchor="end">{value:.2f} x</text>')
    return parts


def picture(found):
    """The SVG for throughput results, as {workload: result}."""
    bottom = TOP + LINE * len(found)
    parts = [*legend(), *scale(bottom)]
    for k, (name, one) in enumerate(found.items()):
        parts += workload(name, one, TOP + 12 + LINE * k)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 12}" width="{WIDTH}" role="img"'
    return f'{head} aria-label="rows a second, as a multiple of the best peer">\n<style>{STYLE}</style>\n' + "\n".join(parts) + "\n</svg>\n"
