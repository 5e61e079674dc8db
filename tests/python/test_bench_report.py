"""bench/report.py: the document, its picture and the README's table say what the results say, and only that."""
import importlib
import json
import pathlib
import sys
import xml.etree.ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = "# x\n<!-- speed: written by bench/report.py -->\nold\n<!-- /speed -->\nend\n"


def engine(name, label, rates, failure=None):
    return {"name": name, "engine": label, "rates": rates, "failure": failure, "batch": 64, "mode": "", "error": 1e-7}


def throughput(name, ours, engines, others=0.0):
    return {
        "workload": name,
        "rows": 1000,
        "isa": None,
        "date": "2026-01-02",
        "peak": 1e9,
        "flops": 100.0,
        "default": 5.0,
        "others": others,
        "engines": [engine("hornpipe", "hornpipe", ours), *engines],
    }


PEERS = [
    engine("keras", "Keras", [100.0, 50.0]),
    engine("onnxruntime", "ONNX Runtime", [], "conversion: no such operation"),
    engine("openvino", "OpenVINO", [2000.0, 1000.0]),
    engine("litert", "LiteRT", [1000.0, 900.0]),
]


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Runs report.py on results of two workloads; the folder it wrote to."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    results = tmp_path / "cache" / "results"
    results.mkdir(parents=True)
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "README.md").write_text(README)
    for name, ours in ("mlp", [3000.0, 1500.0]), ("bigru", [500.0, 250.0]):
        (results / f"throughput.{name}.json").write_text(json.dumps(throughput(name, ours, PEERS)))
    disturbed = throughput("unet", [9000.0, 9000.0], PEERS, others=0.5)
    (results / "throughput.unet.json").write_text(json.dumps(disturbed))
    (results / "latency.mlp.json").write_text(json.dumps({"hornpipe": {"seconds": 1.5e-6, "failure": None, "mode": ""}}))
    monkeypatch.setattr(sys, "argv", ["report.py", "--cache", str(tmp_path / "cache"), "--root", str(tmp_path)])
    importlib.import_module("report").main()
    return tmp_path


def test_document(written):
    text = (written / "docs" / "performance.md").read_text()
    mlp = next(l for l in text.splitlines() if l.startswith("| mlp: "))
    assert "| 2.25 k |" in mlp and "| **1.5 k** |" in mlp and "| fails |" in mlp and mlp.endswith("| **1.50** |")
    bigru = next(l for l in text.splitlines() if l.startswith("| bigru: "))
    assert bigru.endswith("| **0.25** |")
    assert "- mlp, ONNX Runtime: conversion: no such operation" in text
    assert "Geometric mean of the last column: 1.50." in text
    assert "| mlp | 1.5 us |" in text
    assert "| unet" not in text  # other programs took half of the machine
    assert "## Opening" not in text and "## Held" not in text  # nothing was measured


def test_readme(written):
    text = (written / "README.md").read_text()
    assert "old" not in text and text.endswith("<!-- /speed -->\nend\n")
    assert "| 2.25 k | 1.5 k (OpenVINO) | 1.50 |" in text and "bigru" not in text


def test_picture(written):
    picture = xml.etree.ElementTree.parse(written / "docs" / "images" / "performance.svg").getroot()
    space = "{http://www.w3.org/2000/svg}"
    dots = [c for c in picture.iter(f"{space}circle") if c.find(f"{space}title") is not None]
    assert len(dots) == 2 * 4  # the one that fails has none
    texts = [t.text for t in picture.iter(f"{space}text")]
    assert "mlp" in texts and "1.50 x" in texts and "0.25 x" in texts
