"""Operations that look at a whole batch, read at computed places, or pick among all elements: IsIn, SegmentSum, SegmentMax,
SegmentMin, SegmentProd, Corrcoef, Argpartition, SSIM, ScaleAndTranslate, CTCDecode, Scatter, ScatterUpdate and others."""
from caselist import Input, graph_case

CASES = []


def case(*inputs, **settings):
    """Appends what `graph_case` makes of a function."""
    settings = {"keras2": False, "legacy": False, "rows": 5} | settings
    return lambda function: CASES.append(graph_case("operations_batch", *inputs, **settings)(function))


@case((4,), Input((4,), "int32", 0, 5))
def membership_and_segments(k, x, ids):
    rows = k.ops.cast(ids[:, 0], "int32")
    y = k.ops.segment_sum(x, rows, num_segments=5), k.ops.segment_max(ids, rows, num_segments=5)
    return k.ops.isin(ids, [1, 3]), *y, k.ops.segment_min(x, rows, 5), k.ops.segment_prod(x, rows, 5)


@case((6,))
def correlation_of_rows(k, x):
    return k.ops.corrcoef(x)


@case((4, 3))
def places(k, x):
    return k.ops.argmax(x, keepdims=True), k.ops.argmin(k.ops.relu(x), axis=-1), k.ops.argpartition(x[:, 0, 0], 2)


@case((4, 3))
def first_rows(k, x):
    return x[:3, :], k.ops.kron(x[0], x[1]), k.ops.matmul(x[0, 0], k.ops.transpose(x[1]))


@case((6, 5, 2), (6, 5, 2))
def images(k, x, y):
    scaled = k.ops.image.scale_and_translate(x, (5, 8, 4, 2), [1.5, 0.8], [0.3, -0.2], (1, 2), "cubic")
    return k.ops.image.ssim(x, y, filter_size=3), scaled


@case((7, 4), Input((), "int32", 1, 8))
def greedy_decoder(k, x, lengths):
    return k.ops.ctc_decode(x, lengths, "greedy", mask_index=1)


@case(Input((4,), "int64", -5, 5), Input((4,), "int32", -5, 5))
def merged_integers(k, x, y):
    return k.layers.Average()([x, y]), k.layers.Add()([x, y]), k.layers.Concatenate()([x, y])


@case((6, 7, 3), Input((2, 4), "float32", -1, 7), rows=3)
def resized_boxes(k, x, boxes):
    options = [{}, {"pad_to_aspect_ratio": True}, {"crop_to_aspect_ratio": True}]
    formats = "xyxy", "rel_center_xywh", "center_yxhw"
    return [
        k.layers.Resizing(4, 9, bounding_box_format=f, **o)({"images": x, "bounding_boxes": {"boxes": boxes, "labels": boxes[..., 0]}})
        for f, o in zip(formats, options)
    ]


@case((6, 7, 3), Input((2,), "int32", 0, 4))
def flipped_with_labels(k, x, labels):
    return k.layers.RandomFlip()({"images": x, "labels": labels})


@case((4, 3), Input((4,), "bool", 0, 2), rows=3)
def masks_by_place(k, x, mask):
    y = k.layers.GRU(3, return_sequences=True)(x, None, mask)
    return k.layers.GlobalAveragePooling1D()(x, mask), k.layers.Dense(2)(y[:, -1, :])


@case((4,), Input((2,), "int32", 0, 4), Input((), "float32"))
def scattered(k, x, places, updates):
    o = k.ops
    changed = [o.scatter_update(x, places, updates, reduction=r) for r in ("add", "max", "min", "mul")]
    whole = o.scatter_update(o.cast(x * 9, "int32"), places[:, :1] * 0 + 2, o.cast(x * 5, "int32"), reduction="add")
    return *changed, whole, o.scatter(places, updates, (6, 5)), o.scatter_update(x, places, updates)


@case((4, 3), Input((), "float32", 0, 1))
def quantiles_of_tensors(k, x, q):
    o = k.ops
    return [o.quantile(x, q, axis=1), o.percentile(x, q * 100, axis=2, keepdims=True), o.percentile(x, 30, method="higher", axis=0)]
