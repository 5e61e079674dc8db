"""The engines that the benchmarks put side by side, each in a process of its own.

As a script it serves one of them on one workload's folder (workloads.py): `engines.py NAME FOLDER '{"option": value}'`
opens the model and the rows, answers `ready {...}` with what opening cost, and then answers each line on standard input:

    run ROWS BATCH      seconds of one prediction of the first ROWS rows, BATCH at a time (0: the engine's own choice)
    repeat ROWS BATCH SECONDS    median seconds of the same, repeated for about SECONDS
    calls SECONDS       median seconds of one-row calls in the engine's quickest form, repeated for about SECONDS
    first               seconds of predicting one row
    check               how far the first rows' predictions are from Keras's
    memory              peak resident megabytes so far
    flops, peak         hornpipe only: operations per row of the direct algorithm; one core's peak, measured now

`Server` is the other end. A served process waits between turns without using a core. Every engine gets all cores, and
float32 arrays in C order; predictions of all rows end in one array per output, as Keras's `predict` gives them.
"""
import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import held

CORES = len(os.sched_getaffinity(0))


class Engine:
    """One model in one engine. `modes` are ways to use it that the search for its best may choose from."""

    modes = ("",)

    def __init__(self, folder, mode=""):
        self.mode = mode
        self.open(pathlib.Path(folder))

    def start(self):
        """To be called by `open` between importing the engine and opening the model."""
        self.started = time.perf_counter()

    def one_row(self, inputs):
        """A function without arguments that predicts these inputs, one row, in one call."""
        self.call(inputs)
        return lambda: self.call(inputs)

    def predict(self, inputs, batch):
        """All rows, `batch` at a time, as a list of arrays."""
        import numpy as np

        rows = len(inputs[0])
        parts = list(self.batches([x[k : k + batch] for x in inputs] for k in range(0, rows, batch)))
        return parts[0] if len(parts) == 1 else [np.concatenate(p) for p in zip(*parts)]

    def batches(self, batches):
        """Predictions of each batch, in order: one after the other on all cores, or one per core at a time."""
        if self.mode != "parallel":
            return map(self.call, batches)
        return self.pool().map(self.call, batches)

    def pool(self):
        from concurrent.futures import ThreadPoolExecutor

        if not hasattr(self, "executor"):
            self.executor = ThreadPoolExecutor(CORES)
        return self.executor

    def threads(self):
        """For one call."""
        return 1 if self.mode == "parallel" else CORES


class Keras(Engine):
    """`predict` of Keras 3 with TensorFlow."""

    label = "Keras"

    def open(self, folder):
        os.environ["KERAS_BACKEND"] = "tensorflow"
        import keras

        self.start()
        self.model = keras.models.load_model(folder / "model.keras", compile=False)

    def predict(self, inputs, batch):
        inputs = inputs if len(inputs) > 1 else inputs[0]
        outputs = self.model.predict(inputs, batch_size=batch or None, verbose=0)
        return outputs if isinstance(outputs, list) else [outputs]

    def call(self, inputs):
        return self.predict(inputs, 0)


class OnnxRuntime(Engine):
    label = "ONNX Runtime"
    modes = ("", "parallel")

    def open(self, folder):
        import onnxruntime

        self.start()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads()
        self.session = onnxruntime.InferenceSession(
            os.fspath(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.names = [i.name for i in self.session.get_inputs()]

    def call(self, inputs):
        return self.session.run(None, dict(zip(self.names, inputs)))


class OpenVino(Engine):
    """With the throughput hint and an asynchronous queue, shapes fixed at the batch size; one-row calls with the latency
    hint."""

    label = "OpenVINO"
    modes = ("THROUGHPUT", "LATENCY")

    def open(self, folder):
        import threading

        import numpy
        import openvino

        self.start()
        self.numpy, self.lock = numpy, threading.Lock()
        self.openvino, self.core, self.compiled = openvino, openvino.Core(), {}
        self.path, self.wanted = os.fspath(folder / "model.xml"), len(numpy.load(folder / "reference.npz").files)
        self.compile(1)

    def compile(self, batch):
        """A queue of requests for batches of this size."""
        if batch not in self.compiled:
            model = self.core.read_model(self.path)
            model.reshape({i: [batch, *list(i.partial_shape)[1:]] for i in model.inputs})
            limit = os.environ.get("ONEDNN_MAX_CPU_ISA")
            if limit:
                held.through_onednn(model)
            hints = {"PERFORMANCE_HINT": self.mode or "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
            compiled = self.core.compile_model(model, "CPU", {**hints, "INFERENCE_NUM_THREADS": CORES})
            if limit:
                held.check(compiled, limit)
            queue = self.openvino.AsyncInferQueue(compiled)
            queue.set_callback(self.store)
            self.compiled[batch] = (compiled, queue)
        return self.compiled[batch]

    def call(self, inputs):
        compiled, _ = self.compile(len(inputs[0]))
        if not hasattr(self, "request"):
            self.request = compiled.create_infer_request()
        return list(self.request.infer(inputs, share_inputs=True, share_outputs=True).values())

    def store(self, request, place):
        """Called when a request is done: puts its results where they belong."""
        results = [t.data for t in request.output_tensors[: self.wanted]]  # behind them conversion leaves others
        with self.lock:
            if self.outputs is None:
                self.outputs = [self.numpy.empty((self.count, *r.shape[1:]), r.dtype) for r in results]
        for output, result in zip(self.outputs, results):
            output[place : place + len(result)] = result

    def predict(self, inputs, batch):
        self.count, self.outputs = len(inputs[0]), None
        for k in range(0, self.count, batch):
            part = [x[k : k + batch] for x in inputs]
            self.compile(len(part[0]))[1].start_async(part, k, share_inputs=True)
        for _, queue in self.compiled.values():
            queue.wait_all()
        return self.outputs


class LiteRt(Engine):
    """With XNNPACK, which its interpreter uses by itself."""

    label = "LiteRT"
    modes = ("", "parallel")

    def open(self, folder):
        import threading

        from ai_edge_litert.interpreter import Interpreter

        self.start()
        self.make = lambda: Interpreter(os.fspath(folder / "model.tflite"), num_threads=self.threads())
        self.local = threading.local()
        interpreter = self.interpreter()
        details = interpreter.get_input_details()
        self.fixed = max(0, int(details[0]["shape_signature"][0]))  # batch size, where it cannot be chosen
        self.prepare(self.fixed or 1)

    def interpreter(self):
        """This thread's own."""
        if not hasattr(self.local, "interpreter"):
            self.local.interpreter, self.local.batch = self.make(), 0
        return self.local.interpreter

    def prepare(self, batch):
        interpreter = self.interpreter()
        if batch != self.local.batch:
            details = order(interpreter.get_input_details())
            if not self.fixed:
                for d in details:
                    interpreter.resize_tensor_input(d["index"], [batch, *d["shape"][1:]])
            interpreter.allocate_tensors()
            self.local.batch = batch
            self.local.inputs = [d["index"] for d in details]
            self.local.outputs = [d["index"] for d in interpreter.get_output_details()]
        return interpreter

    def call(self, inputs):
        import numpy as np

        rows = len(inputs[0])
        if self.fixed and rows < self.fixed:
            inputs = [np.concatenate([x, np.zeros((self.fixed - rows, *x.shape[1:]), x.dtype)]) for x in inputs]
        interpreter = self.prepare(len(inputs[0]))
        for index, array in zip(self.local.inputs, inputs):
            interpreter.set_tensor(index, array)
        interpreter.invoke()
        return [interpreter.get_tensor(k)[:rows] for k in self.local.outputs]

    def predict(self, inputs, batch):
        return super().predict(inputs, self.fixed or batch)


def order(details):
    """LiteRT's inputs in the order of model.inputs: its names end in it where there are several."""
    return sorted(details, key=lambda d: d["name"]) if len(details) > 1 else details


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
        """Describes a NumPy array in C order."""
        dtypes = {"float32": 1, "int32": 7}
        shape = (ctypes.c_int64 * 8)(*values.shape)
        return cls(values.ctypes.data, dtypes[str(values.dtype)], values.ndim, shape)


class Error(ctypes.Structure):
    """hp_error of hornpipe.h."""

    _fields_ = [
        ("status", ctypes.c_int),
        ("row", ctypes.c_int64),
        ("where", ctypes.c_char * 256),
        ("message", ctypes.c_char * 512),
    ]


class ModelOptions(ctypes.Structure):
    """hp_model_options of hornpipe.h."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("weights", ctypes.c_char_p),
        ("isa", ctypes.c_char_p),
        ("output_layer", ctypes.c_char_p),
        ("prefer", ctypes.c_int),
    ]


class PredictOptions(ctypes.Structure):
    """hp_predict_options of hornpipe.h."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("jobs", ctypes.c_int),
        ("batch_size", ctypes.c_int64),
        ("progress", ctypes.c_void_p),
        ("progress_context", ctypes.c_void_p),
    ]


class ModelInfo(ctypes.Structure):
    """hp_model_info of hornpipe.h."""

    _fields_ = [
        *[(name, ctypes.c_char_p) for name in ("name", "class_name", "format", "keras_version", "isa")],
        ("parameters", ctypes.c_int64),
        ("trainable_parameters", ctypes.c_int64),
        ("flops_per_row", ctypes.c_double),
        ("mixes_rows", ctypes.c_int),
        ("mixes_rows_where", ctypes.c_char_p),
    ]


class Hornpipe(Engine):
    """The C library, called as any program would: arrays in, arrays out."""

    label = "hornpipe"

    def __init__(self, folder, mode="", library=None, isa=None, jobs=0, prefer=0):
        self.library, self.isa, self.jobs, self.prefer = ctypes.CDLL(library), isa, jobs, prefer
        self.library.hp_measure_peak.restype = ctypes.c_double
        self.library.hp_model_output_count.restype = ctypes.c_size_t
        super().__init__(folder, mode)

    def open(self, folder):
        import numpy

        self.start()
        self.numpy, self.error = numpy, Error()
        self.model, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        how = ModelOptions(ctypes.sizeof(ModelOptions), isa=self.isa and self.isa.encode(), prefer=self.prefer)
        path = os.fsencode(folder / "model.keras")
        self.check(
            self.library.hp_model_open(path, ctypes.byref(how), ctypes.byref(self.model), ctypes.byref(self.error))
        )
        how = PredictOptions(ctypes.sizeof(PredictOptions), jobs=self.jobs)
        self.check(
            self.library.hp_session_open(
                self.model, ctypes.byref(how), ctypes.byref(self.session), ctypes.byref(self.error)
            )
        )
        self.count = self.library.hp_model_output_count(self.model)

    def check(self, status):
        if status != 0:
            raise RuntimeError(f"{self.error.where.decode()}: {self.error.message.decode()}")

    def predict(self, inputs, batch):
        given = (Array * len(inputs))(*map(Array.of, inputs))
        outputs = self.outputs(given)
        self.session_predict(given, (Array * self.count)(*map(Array.of, outputs)))
        return outputs

    def one_row(self, inputs):
        given = (Array * len(inputs))(*map(Array.of, inputs))
        outputs = self.outputs(given)
        into = (Array * self.count)(*map(Array.of, outputs))
        function, counts = self.library.hp_session_predict, [ctypes.c_size_t(len(a)) for a in (given, into)]
        self.kept = inputs, outputs  # an Array owns nothing
        arguments = self.session, given, counts[0], into, counts[1], None
        return lambda: function(*arguments)

    def outputs(self, given):
        """Arrays for the predictions of these inputs."""
        found = (Array * self.count)()
        self.check(
            self.library.hp_model_output_shape(
                self.model, given, ctypes.c_size_t(len(given)), found, ctypes.c_size_t(self.count), ctypes.byref(self.error)
            )
        )
        return [self.numpy.empty(tuple(a.shape[: a.rank]), "float32") for a in found]

    def session_predict(self, given, into):
        self.check(
            self.library.hp_session_predict(
                self.session, given, ctypes.c_size_t(len(given)), into, ctypes.c_size_t(len(into)), ctypes.byref(self.error)
            )
        )

    def flops(self):
        info = ModelInfo()
        self.library.hp_model_describe(self.model, ctypes.byref(info))
        return info.flops_per_row

    def peak(self):
        return self.library.hp_measure_peak(self.isa and self.isa.encode())


class Package(Engine):
    """hornpipe's Python package, as a user calls it."""

    label = "hornpipe (Python)"

    def __init__(self, folder, mode="", package=None, prefer="throughput"):
        sys.path.insert(0, package)
        self.prefer = prefer
        super().__init__(folder, mode)

    def open(self, folder):
        import hornpipe

        self.start()
        self.model = hornpipe.load_model(folder / "model.keras", prefer=self.prefer)

    def predict(self, inputs, batch):
        outputs = self.model.predict(inputs if len(inputs) > 1 else inputs[0])
        return outputs if isinstance(outputs, list) else [outputs]

    def one_row(self, inputs):
        inputs = inputs if len(inputs) > 1 else inputs[0]
        self.model.predict(inputs)
        return lambda: self.model.predict(inputs)


class Command(Engine):
    """The command, from file to file: the whole process counts."""

    label = "hornpipe predict"

    def __init__(self, folder, mode="", command=None):
        self.command = command
        super().__init__(folder, mode)

    def open(self, folder):
        self.start()
        self.folder = folder

    def predict(self, inputs, batch):
        import numpy as np

        if not (self.folder / "rows.npy").exists():
            np.save(self.folder / "rows.npy", inputs[0])
        output = self.folder / "command.npy"
        output.unlink(missing_ok=True)
        argv = [self.command, "predict", self.folder / "model.keras", self.folder / "rows.npy", "-o", output]
        subprocess.run([*argv, "--progress", "none", "--force"], check=True)
        return [np.load(output, mmap_mode="r")]


ENGINES = {e.__name__.lower(): e for e in (Hornpipe, Package, Keras, OnnxRuntime, OpenVino, LiteRt, Command)}


# ---- serving one


def peak_memory():
    """Largest resident size of this process so far, in megabytes."""
    line = next(l for l in open("/proc/self/status") if l.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def difference(got, reference):
    """Largest difference in any output, as a share of the reference's largest value."""
    import numpy as np

    worst = 0.0
    for g, r in zip(got, reference, strict=True):
        if g.shape != r.shape:
            raise ValueError(f"shape {g.shape} where Keras gives {r.shape}")
        worst = max(worst, float(np.abs(g - r).max() / np.abs(r).max()))
    return worst if worst == worst else float("inf")


def median_call(call, seconds):
    """Median seconds of `call()`, timed in groups long enough for the clock, for about `seconds`."""
    group, times, end = 1, [], time.perf_counter() + seconds
    while (now := time.perf_counter()) < end or len(times) < 3:
        for _ in range(group):
            call()
        took = time.perf_counter() - now
        if took < 2e-4:
            group *= 2
        else:
            times.append(took / group)
    return statistics.median(times)


class Service:
    """Answers the questions that this file's head lists."""

    def __init__(self, name, folder, options):
        import numpy as np

        self.numpy, self.folder, self.all = np, pathlib.Path(folder), None
        before = time.perf_counter()
        self.engine = ENGINES[name](folder, **options)
        ready = time.perf_counter()
        started = self.engine.started
        self.ready = {"import": started - before, "open": ready - started, "memory": peak_memory()}

    def load(self, name):
        files = self.numpy.load(self.folder / name)
        return [files[n] for n in files.files]

    def rows(self, count):
        if self.all is None:
            self.all = self.load("rows.npz")
        return [x[:count] for x in self.all]

    def run(self, rows, batch):
        inputs = self.rows(int(rows))
        start = time.perf_counter()
        self.engine.predict(inputs, int(batch))
        return time.perf_counter() - start

    def repeat(self, rows, batch, seconds):
        inputs, batch = self.rows(int(rows)), int(batch)
        return median_call(lambda: self.engine.predict(inputs, batch), float(seconds))

    def calls(self, seconds):
        return median_call(self.engine.one_row([x[:1] for x in self.load("first.npz")]), float(seconds))

    def first(self):
        inputs = [x[:1] for x in self.load("first.npz")]
        start = time.perf_counter()
        self.engine.predict(inputs, 1)
        return time.perf_counter() - start

    def check(self, batch):
        reference = self.load("reference.npz")
        got = self.engine.predict(self.rows(max(len(reference[0]), int(batch))), int(batch))
        return difference([g[: len(reference[0])] for g in got], reference)

    def memory(self):
        return peak_memory()

    def flops(self):
        return self.engine.flops()

    def peak(self):
        return self.engine.peak()


def serve(name, folder, options):
    """Serves an engine to standard input and output; what else writes there goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    service = Service(name, folder, options)
    print(json.dumps(service.ready), file=answers, flush=True)
    for line in sys.stdin:
        question, *arguments = line.split()
        try:
            answer = getattr(service, question)(*arguments)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


class EngineFailure(RuntimeError):
    """The engine cannot do it; the text says why."""


class Server:
    """An engine in a process of its own. Its answers are numbers; EngineFailure where it fails."""

    def __init__(self, name, folder, environment=(), **options):
        argv = [sys.executable, pathlib.Path(__file__), name, folder, json.dumps(options, default=os.fspath)]
        self.messages = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.messages,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **dict(environment)},
        )
        self.ready = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait()
            self.messages.seek(0)
            lines = self.messages.read().strip().splitlines()
            raise EngineFailure(lines[-1][:200] if lines else f"ended with {code}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise EngineFailure(answer["error"].splitlines()[0][:200])
        return answer

    def ask(self, *question):
        print(*question, file=self.process.stdin, flush=True)
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.messages.close()


def machine():
    """The machine in words."""
    model = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown CPU")
    memory = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30)
    return f"{CORES} cores, {model}, {memory} GiB"


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
