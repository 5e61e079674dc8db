"""bench/held.py: which products of an OpenVINO model get a clamp behind them, and which layers are told.

The graph is a stand-in with what held.py asks of OpenVINO's nodes, so that no OpenVINO is needed.
"""
import pathlib
import sys
import types

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Node:
    """A node of one output: its own output, too, and the inputs that read it."""

    def __init__(self, kind, *operands):
        self.kind, self.operands, self.readers = kind, list(operands), []
        for place, operand in enumerate(operands):
            operand.readers.append(Reader(self, place))

    def get_type_name(self):
        return self.kind

    def input_value(self, place):
        return self.operands[place]

    def output(self, _):
        return self

    def get_node(self):
        return self

    def get_target_inputs(self):
        return set(self.readers)


class Reader:
    """One input of a node."""

    def __init__(self, node, place):
        self.node, self.place = node, place

    def get_node(self):
        return self.node

    def replace_source_output(self, source):
        self.node.operands[self.place].readers.remove(self)
        self.node.operands[self.place] = source
        source.readers.append(self)


@pytest.fixture
def held(monkeypatch):
    """The module, with an OpenVINO that makes clamps alone."""
    openvino = types.ModuleType("openvino")
    openvino.opset13 = types.SimpleNamespace(clamp=lambda x, low, high: Node(f"Clamp {low} {high}", x))
    monkeypatch.setitem(sys.modules, "openvino", openvino)
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    import held

    return held


def clamped(held, *nodes):
    held.through_onednn(types.SimpleNamespace(get_ordered_ops=lambda: list(nodes)))


def test_a_product_with_constant_weights_is_clamped_behind_its_bias(held):
    x, weights, bias = Node("Parameter"), Node("Constant"), Node("Constant")
    product = Node("MatMul", x, Node("Transpose", Node("Convert", weights)))
    added = Node("Add", product, bias)
    first, second = Node("Relu", added), Node("Tanh", added)
    clamped(held, x, weights, bias, product, added, first, second)
    assert first.operands[0].kind == "Clamp -3.4e+38 3.4e+38" and second.operands[0] is first.operands[0]
    assert first.operands[0].operands == [added] and added.operands[0] is product


def test_a_product_that_several_read_is_clamped_itself(held):
    product = Node("MatMul", Node("Parameter"), Node("Constant"))
    added, other = Node("Add", product, Node("Constant")), Node("Relu", product)
    clamped(held, product, added, other)
    assert added.operands[0].kind.startswith("Clamp") and other.operands[0] is added.operands[0]
    assert added.operands[0].operands == [product]


def test_other_nodes_are_left_alone(held):
    x, y = Node("Parameter"), Node("Reshape", Node("Parameter"))
    product, sum_ = Node("MatMul", x, y), Node("Add", x, Node("Constant"))
    readers = Node("Relu", product), Node("Relu", sum_)
    clamped(held, x, y, product, sum_, *readers)
    assert readers[0].operands == [product] and readers[1].operands == [sum_]


def test_what_goes_another_way_is_told(held):
    def compiled(*kinds):
        ops = [types.SimpleNamespace(get_rt_info=lambda kind=kind: {"primitiveType": types.SimpleNamespace(value=kind)})
               for kind in kinds]
        return types.SimpleNamespace(get_runtime_model=lambda: types.SimpleNamespace(get_ops=lambda: ops))

    held.check(compiled("brgemm_avx2_f32", "jit_avx2_f32"), "AVX2")
    with pytest.raises(RuntimeError, match="not held to AVX2: brgemm_avx2_f32, gemm_mlas_f32"):
        held.check(compiled("brgemm_avx2_f32", "gemm_mlas_f32"), "AVX2")
