"""The Keras that is installed, of whatever version, and what the models made with it share.

VINTAGE_KERAS says which package is meant: keras (the default), tf.keras or tf_keras.
"""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
FLAVOUR = os.environ.get("VINTAGE_KERAS", "keras")
if os.environ.get("KERAS_BACKEND") == "theano":
    import theano.ifelse  # noqa: F401 (old versions of Keras take it for granted)
if FLAVOUR == "tf.keras":
    import tensorflow
    K = tensorflow.keras
    if not hasattr(K, "__version__"):
        K.__version__ = tensorflow.__version__
elif FLAVOUR == "tf_keras":
    import tf_keras as K
else:
    import keras as K
    import keras.layers
    import keras.models
L = K.layers
MODELS = {}
OWN = {}  # classes that load_model has to be told


def version():
    return tuple(int(part) for part in K.__version__.split("-")[0].split("+")[0].split(".")[:2])


def family():
    return min(version()[0], 3)


def model(*families):
    """Lists a function as that which makes the model of its name under these families of Keras."""
    def add(make):
        MODELS.setdefault(make.__name__, []).append((families, make))
        return make
    return add


def graph(inputs, outputs, **kwargs):
    if family() == 1:
        return K.models.Model(input=inputs, output=outputs, **kwargs)
    return K.models.Model(inputs, outputs, **kwargs)


def Input(shape, **kwargs):
    return L.Input(shape, **kwargs)
