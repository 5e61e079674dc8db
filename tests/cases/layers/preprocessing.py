"""Preprocessing layers as they behave at inference (the primitives bucketize, encode, hash and hash_cross)."""
from caselist import RESAMPLING, Input, layer_cases

CASES = []
IMAGE = [(6, 5, 3)]

for interpolation in "nearest", "bilinear":
    CASES += layer_cases("Resizing", IMAGE, [{"height": 4, "width": 7, "interpolation": interpolation}])
CASES += layer_cases("Resizing", IMAGE, [{"height": 9, "width": 4, "interpolation": "bicubic"}], rtol=RESAMPLING)
CASES += layer_cases("Resizing", IMAGE, [{"height": 4, "width": 4, "crop_to_aspect_ratio": True}])
CASES += layer_cases("CenterCrop", IMAGE, [{"height": 4, "width": 3}])
CASES += layer_cases("RandomCrop", IMAGE, [{"height": 4, "width": 3}])
CASES += layer_cases("Discretization", [(4,)], [{"bin_boundaries": [-0.5, 0.0, 1.0]}], keras2=False, legacy=False)
CASES += layer_cases(
    "CategoryEncoding", [Input((3,), "int32", 0, 5)], [{"num_tokens": 5, "output_mode": "multi_hot"}], keras2=False
)
CASES += layer_cases("Hashing", [Input((3,), "int64", 0, 99)], [{"num_bins": 7}, {"num_bins": 7, "salt": 3}], keras2=False)
CASES += layer_cases(
    "HashedCrossing", [Input((1,), "int64", 0, 9), Input((1,), "int64", 0, 9)], [{"num_bins": 6}], keras2=False
)

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
