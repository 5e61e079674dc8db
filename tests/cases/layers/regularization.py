"""Layers that do nothing at inference."""
from caselist import layer_cases

CASES = [
    *layer_cases("Dropout", [(3, 4)], [{"rate": 0.5}, {"rate": 0.0}, {"rate": 0.5, "noise_shape": (None, 1, 4), "seed": 7}]),
    *layer_cases("SpatialDropout1D", [(3, 4)], [{"rate": 0.5}]),
    *layer_cases("SpatialDropout2D", [(3, 4, 2)], [{"rate": 0.5}, {"rate": 0.5, "data_format": "channels_first"}]),
    *layer_cases("GaussianNoise", [(3, 4)], [{"stddev": 0.5}, {"stddev": 0.5, "seed": 7}]),
    *layer_cases("GaussianDropout", [(3, 4)], [{"rate": 0.5}]),
    *layer_cases("AlphaDropout", [(3, 4)], [{"rate": 0.5}, {"rate": 0.5, "noise_shape": (None, 1, 4)}]),
    *layer_cases("ActivityRegularization", [(3, 4)], [{"l1": 0.1}, {"l1": 0.1, "l2": 0.2}]),
]
