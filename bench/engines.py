"""The engines that the benchmarks put side by side, each in a process of its own.

As a script it serves one of them: `engines.py NAME '{"option": value}'` opens the model and the rows, then for each line
on standard input predicts all rows once and prints the seconds; `save FILE` stores the last predictions. `Server` is the
other end. Processes wait between turns without using a core.
"""
import ctypes
import json
import os
import pathlib
import subprocess
import sys
import time


class Keras:
    """`predict` of Keras 3 with TensorFlow."""

    def __init__(self, model, batch_size=None):
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras

        self.model, self.batch_size = keras.models.load_model(model, compile=False), batch_size

    def predict(self, rows):
        return self.model.predict(rows, batch_size=self.batch_size, verbose=0)


class OnnxRuntime:
    """ONNX Runtime on a stack of Dense layers, given as an .npz of kernels, biases and activations."""

    def __init__(self, model, batch_size=None):
        import numpy as np
        import onnxruntime
        from onnx import TensorProto, checker, helper, numpy_helper

        weights, nodes, constants, tensor = np.load(model), [], [], "rows"
        for k, activation in enumerate(weights["activations"]):
            kernel, bias = weights[f"kernel{k}"], weights[f"bias{k}"]
            constants += [numpy_helper.from_array(kernel, f"kernel{k}"), numpy_helper.from_array(bias, f"bias{k}")]
            nodes.append(helper.make_node("Gemm", [tensor, f"kernel{k}", f"bias{k}"], [f"dense{k}"]))
            nodes.append(helper.make_node(str(activation).capitalize(), [f"dense{k}"], [f"activated{k}"]))
            tensor = f"activated{k}"
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
            for name, width in (("rows", len(weights["kernel0"])), (tensor, bias.size))
        ]
        graph = helper.make_graph(nodes, "dense", ends[:1], ends[1:], constants)
        graph = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        checker.check_model(graph)
        self.session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
        self.batch_size, self.numpy = batch_size, np

    def predict(self, rows):
        step = self.batch_size or len(rows)
        parts = [self.session.run(None, {"rows": rows[k : k + step]})[0] for k in range(0, len(rows), step)]
        return self.numpy.concatenate(parts) if len(parts) > 1 else parts[0]


class Array(ctypes.Structure):
    """hp_array of hornpipe.h."""

    _fields_ = [
        ("data", ctypes.c_void_p),
        ("dtype", ctypes.c_int),
        ("rank", ctypes.c_int),
        ("shape", ctypes.c_int64 * 8),
        ("strides", ctypes.c_int64 * 8),
        ("owner", ctypes.c_void_p),
    ]

    @classmethod
    def of(cls, values):
        """Describes a float32 NumPy array in C order."""
        float32 = 1
        return cls(values.ctypes.data, float32, values.ndim, (ctypes.c_int64 * 8)(*values.shape))


class Error(ctypes.Structure):
    """hp_error of hornpipe.h."""

    _fields_ = [
        ("status", ctypes.c_int),
        ("row", ctypes.c_int64),
        ("where", ctypes.c_char * 256),
        ("message", ctypes.c_char * 512),
    ]


class Hornpipe:
    """The C library, called as any program would: array in, array out."""

    def __init__(self, model, library, columns):
        import numpy as np

        self.library, self.columns, self.numpy = ctypes.CDLL(library), columns, np
        self.model, self.error = ctypes.c_void_p(), Error()
        self.check(self.library.hp_model_open(os.fsencode(model), None, ctypes.byref(self.model), ctypes.byref(self.error)))

    def check(self, status):
        if status != 0:
            raise RuntimeError(f"{self.error.where.decode()}: {self.error.message.decode()}")

    def predict(self, rows):
        outputs = self.numpy.empty((len(rows), self.columns), "float32")
        into = Array.of(outputs)
        one = ctypes.c_size_t(1)
        self.check(
            self.library.hp_model_predict(
                self.model, ctypes.byref(Array.of(rows)), one, ctypes.byref(into), one, None, ctypes.byref(self.error)
            )
        )
        return outputs


class Command:
    """The command, from file to file: the whole process counts."""

    def __init__(self, model, command, rows, output):
        self.argv = [command, "predict", model, rows, "-o", output, "--progress", "none"]
        self.output = output

    def predict(self, _):
        subprocess.run(self.argv, check=True)
        return None

    def predictions(self):
        import numpy as np

        return np.load(self.output)


def serve(name, options):
    """Serves an engine to standard input and output."""
    import numpy as np

    rows = np.load(options.pop("load"))
    engine = globals()[name](**options)
    predictions = engine.predict(rows)  # warm: traces, thread pools, pages
    print("ready", flush=True)
    for line in sys.stdin:
        if line.startswith("save "):
            np.save(line[5:].strip(), engine.predictions() if predictions is None else predictions)
            print("saved", flush=True)
            continue
        start = time.perf_counter()
        predictions = engine.predict(rows)
        print(time.perf_counter() - start, flush=True)


class Server:
    """An engine in a process of its own: `run()` returns the seconds of one prediction of all rows."""

    def __init__(self, name, python=sys.executable, **options):
        argv = [python, pathlib.Path(__file__), name, json.dumps(options, default=str)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        if self.process.stdout.readline() != "ready\n":
            lines = self.process.communicate()[1].strip().splitlines()
            raise RuntimeError(f"{name}: {lines[-1] if lines else 'no answer'}")

    def ask(self, line):
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(self.process.communicate()[1][-500:])
        return answer

    def run(self):
        return float(self.ask("run"))

    def save(self, path):
        self.ask(f"save {path}")

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def machine():
    """The machine in words."""
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown CPU")
    return f"{len(os.sched_getaffinity(0))} cores, {model}, {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') >> 30} GiB"


if __name__ == "__main__":
    serve(sys.argv[1], json.loads(sys.argv[2]))
