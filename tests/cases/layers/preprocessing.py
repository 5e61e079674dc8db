"""Preprocessing layers as they behave at inference (the primitives bucketize, encode, hash, hash_cross, lookup and
vectorize_text)."""
from caselist import Input, graph_case, layer_cases

CASES = []
IMAGE = [(6, 5, 3)]

for interpolation in "nearest", "bilinear":
    CASES += layer_cases("Resizing", IMAGE, [{"height": 4, "width": 7, "interpolation": interpolation}])
CASES += layer_cases("Resizing", IMAGE, [{"height": 9, "width": 4, "interpolation": "bicubic"}])
CASES += layer_cases("Resizing", IMAGE, [{"height": 4, "width": 4, "crop_to_aspect_ratio": True}])
CASES += layer_cases("CenterCrop", IMAGE, [{"height": 4, "width": 3}])
CASES += layer_cases("RandomCrop", IMAGE, [{"height": 4, "width": 3}])
CASES += layer_cases("Discretization", [(4,)], [{"bin_boundaries": [-0.5, 0.0, 1.0]}], keras2=False, legacy=False)
CASES += layer_cases(
    "CategoryEncoding", [Input((3,), "int32", 0, 5)], [{"num_tokens": 5, "output_mode": "multi_hot"}], keras2=False
)
# One vector for each batch, which Keras's predict joins end to end.
CASES.append(
    graph_case("CategoryEncoding", Input((), "int32", 0, 5), name="batches", rows=40, batch=32, keras2=False, legacy=False)(
        lambda k, x: k.layers.CategoryEncoding(5, output_mode="count")(x)
    )
)
CASES += layer_cases("Hashing", [Input((3,), "int64", 0, 99)], [{"num_bins": 7}, {"num_bins": 7, "salt": 3}], keras2=False)
CASES += layer_cases(
    "HashedCrossing", [Input((1,), "int64", 0, 9), Input((1,), "int64", 0, 9)], [{"num_bins": 6}], keras2=False
)

# Vocabularies in the config.
WORDS = Input((4,), "string", words=("ant", "bee", "cat", "dog", "", "yak", "[UNK]"))
ANIMALS = ["ant", "bee", "cat"]
CASES += layer_cases(
    "StringLookup",
    [WORDS],
    [
        {"vocabulary": ANIMALS},
        {"vocabulary": ["", "[UNK]", *ANIMALS], "mask_token": ""},
        {"vocabulary": ANIMALS, "num_oov_indices": 3, "mask_token": ""},
        {"vocabulary": ANIMALS, "num_oov_indices": 2, "salt": [3, 5]},
        {"vocabulary": ANIMALS, "output_mode": "one_hot"},
        {"vocabulary": ANIMALS, "output_mode": "multi_hot", "mask_token": ""},
        {"vocabulary": ANIMALS, "output_mode": "count", "max_tokens": 6, "pad_to_max_tokens": True},
        {"vocabulary": ANIMALS, "output_mode": "tf_idf", "idf_weights": [0.5, 0.7, 0.2]},
    ],
    keras2=False,
)
NUMBERS = Input((3,), "int64", 10, 16)
CASES += layer_cases(
    "IntegerLookup",
    [NUMBERS],
    [
        {"vocabulary": [12, 11, 14]},
        {"vocabulary": [12, 14], "mask_token": 10, "num_oov_indices": 2},
        {"vocabulary": [12, 14], "num_oov_indices": 3, "oov_method": "farmhash"},
        {"vocabulary": [10, 11, 12, 13, 14, 15], "num_oov_indices": 0, "output_mode": "one_hot"},
        {"vocabulary": [12, 14], "mask_token": 10, "output_mode": "multi_hot"},
        {"vocabulary": [12, 14], "output_mode": "count"},
    ],
    keras2=False,
)
CASES += layer_cases(
    "IntegerLookup", [Input((3,), "int64", 0, 5)], [{"vocabulary": [12, 14], "mask_token": 9, "invert": True}], keras2=False
)
TEXT = ("The cat, the Dog!", "a bee?  An ANT", "", "cat cat cat cat cat cat", "na\u00efve yak's-dog \tbee\n", "d'og")
SENTENCE = Input((1,), "string", words=TEXT)
CASES += layer_cases(
    "TextVectorization",
    [SENTENCE],
    [
        {"vocabulary": ["the", "cat", "dog"], "output_sequence_length": 5},
        {"vocabulary": ["the", "The", "cat", "dog!"], "standardize": None, "output_sequence_length": 3},
        {"vocabulary": ["cat", "dog!", "d'og"], "standardize": "lower", "output_sequence_length": 3},
        {"vocabulary": ["cat", "Dog", "dog"], "standardize": "strip_punctuation", "output_sequence_length": 3},
        {"vocabulary": ["the", "cat", "the cat", "cat cat"], "ngrams": 2, "output_sequence_length": 9},
        {"vocabulary": ["cat the dog", "cat", "na\u00efve yaksdog bee"], "ngrams": (1, 3), "output_mode": "count"},
        {"vocabulary": list("catd\u00ef "), "split": "character", "output_sequence_length": 12},
        {"vocabulary": ["the", "cat"], "output_mode": "multi_hot", "max_tokens": 7, "pad_to_max_tokens": True},
        {"vocabulary": ["the", "cat"], "output_mode": "tf_idf", "idf_weights": [0.3, 0.9]},
    ],
    keras2=False,
)
CASES += layer_cases(
    "TextVectorization",
    [WORDS],
    [
        {"vocabulary": ANIMALS, "split": None, "ngrams": 2},
        {"vocabulary": ANIMALS, "split": None, "output_mode": "one_hot"},
        {"vocabulary": ANIMALS, "split": None, "output_sequence_length": 3},
    ],
    keras2=False,
)


def pooled_text(k, x):
    y = k.layers.TextVectorization(vocabulary=["the", "cat", "dog"], ngrams=2)(x)  # as long as the longest of each batch
    return k.layers.GlobalAveragePooling1D()(k.layers.Embedding(5, 3)(y))


CASES.append(graph_case("TextVectorization", SENTENCE, rows=40, batch=32, keras2=False, legacy=False)(pooled_text))


# Vocabularies that adapt() found: files in the archive.
def adapted(k, name, x, data, **arguments):
    layer = getattr(k.layers, name)(**arguments)
    layer.adapt(data)
    return layer(x)


for mode in "int", "one_hot", "multi_hot", "count", "tf_idf":
    CASES.append(
        graph_case("StringLookup", WORDS, keras2=False, legacy=False, name=f"adapted_strings_{mode}")(
            lambda k, x, mode=mode: adapted(k, "StringLookup", x, [["cat", "bee"], ["cat", "yak"]], output_mode=mode)
        )
    )
    CASES.append(
        graph_case("IntegerLookup", NUMBERS, keras2=False, legacy=False, name=f"adapted_integers_{mode}")(
            lambda k, x, mode=mode: adapted(k, "IntegerLookup", x, [[12, 11], [12, 13]], output_mode=mode)
        )
    )
for mode in "int", "tf_idf":
    more = {"output_sequence_length": 4} if mode == "int" else {}
    CASES.append(
        graph_case("TextVectorization", SENTENCE, keras2=False, legacy=False, name=f"adapted_text_{mode}")(
            lambda k, x, mode=mode, more=more: adapted(k, "TextVectorization", x, list(TEXT), output_mode=mode, **more)
        )
    )

SOUND = [(60,)]
CASES += layer_cases(
    "MelSpectrogram",
    SOUND,
    [
        {"fft_length": 16, "sequence_stride": 8, "num_mel_bins": 5, "sampling_rate": 60, "min_freq": 2.0},
        {"fft_length": 20, "sequence_length": 12, "sequence_stride": 7, "num_mel_bins": 4, "power_to_db": False},
    ],
    keras2=False,
    rtol=1e-4,
)
CASES += layer_cases(
    "STFTSpectrogram",
    [(40, 2)],
    [{"mode": m, "frame_length": 8, "fft_length": 16} for m in ("log", "magnitude", "psd", "real", "imag", "angle", "stft")]
    + [{"frame_length": 8, "frame_step": 3, "padding": "same", "expand_dims": True}],
    keras2=False,
    rtol=1e-4,
)

PHOTO = Input((6, 7, 3), "float32", 0, 256)
CASES += layer_cases("AutoContrast", [PHOTO], [{}, {"value_range": (0, 200)}], keras2=False)
CASES += layer_cases(
    "ContrastLimitedAdaptiveHistogramEqualization",
    [Input((9, 10, 2), "float32", 0, 256)],
    [{"tile_grid_size": (2, 3)}, {"tile_grid_size": (4, 4), "clip_limit": -1.0, "value_range": (0, 300)}],
    keras2=False,
)
CASES += layer_cases(
    "ContrastLimitedAdaptiveHistogramEqualization", [Input((16, 18, 1), "uint8", 0, 255)], [{}], keras2=False
)


def pipeline(k, x):
    return k.layers.Pipeline([k.layers.Rescaling(0.5), k.layers.CenterCrop(4, 4)])(x)


CASES.append(graph_case("Pipeline", PHOTO, keras2=False)(pipeline))

# Augmentation does nothing to the rows at inference.
SAME = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomZoom": {"height_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.1, "width_factor": 0.2},
    "RandomContrast": {"factor": 0.3},
    "RandomBrightness": {"factor": 0.2},
    "RandomSharpness": {"factor": 0.5},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": {},
    "RandomElasticTransform": {},
    "RandomErasing": {},
    "RandomGaussianBlur": {},
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.4},
    "RandomInvert": {},
    "RandomPerspective": {},
    "RandomPosterization": {"factor": 4},
    "RandomSaturation": {"factor": 0.4},
    "RandomShear": {"x_factor": (0.0, 0.2), "y_factor": (0.0, 0.1)},
    "CutMix": {},
    "MixUp": {},
    "AugMix": {},
    "RandAugment": {},
    "Solarization": {},
}
for name, arguments in SAME.items():
    CASES += layer_cases(name, [Input((4, 4, 3), "float32", 0, 255)], [arguments], keras2=False, legacy=False)
