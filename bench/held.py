"""OpenVINO held to an instruction set: what ONEDNN_MAX_CPU_ISA alone does not hold.

Dense layers without an activation go through MLAS, which takes the widest vectors whatever oneDNN is held to. Behind a clamp
to all floats, an activation that changes nothing, they go through oneDNN; without a limit that is as fast.
"""


def through_onednn(model):
    """Puts that clamp behind each product with constant weights, and its bias."""
    from openvino import opset13

    for node in model.get_ordered_ops():
        operand = node.input_value(1).get_node() if node.get_type_name() == "MatMul" else node
        while operand.get_type_name() in ("Convert", "Transpose", "Reshape"):
            operand = operand.input_value(0).get_node()
        if operand is node or operand.get_type_name() != "Constant":
            continue
        end, readers = node.output(0), list(node.output(0).get_target_inputs())
        if len(readers) == 1 and readers[0].get_node().get_type_name() == "Add":
            end = readers[0].get_node().output(0)
        readers = list(end.get_target_inputs())
        clamped = opset13.clamp(end, -3.4e38, 3.4e38).output(0)
        for reader in readers:
            reader.replace_source_output(clamped)


def check(compiled, limit):
    """Raises where a layer of the compiled model goes through MLAS still."""
    kernels = {o.get_rt_info()["primitiveType"].value for o in compiled.get_runtime_model().get_ops()}
    if any("mlas" in k for k in kernels):
        raise RuntimeError(f"OpenVINO is not held to {limit}: {', '.join(sorted(kernels))}")
