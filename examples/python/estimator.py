"""scikit-learn: a trained Keras model as the last step of a pipeline, scored by cross-validation's own tools.

    python estimator.py

The model was trained on the Wisconsin breast cancer data that scikit-learn ships (examples/breast_cancer_mlp.h5).
"""

import pathlib

from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from hornpipe import HornpipeClassifier


def main(model_path):
    data = load_breast_cancer()
    classifier = HornpipeClassifier(model_path, classes=data.target_names)
    pipeline = make_pipeline(FunctionTransformer(), classifier)
    names = pipeline.predict(data.data)
    accuracy = accuracy_score(data.target_names[data.target], names)
    area = roc_auc_score(data.target, pipeline.predict_proba(data.data)[:, 1])
    print(f"{len(names)} rows: accuracy {accuracy:.3f}, area under the curve {area:.4f}")


if __name__ == "__main__":
    main(pathlib.Path(__file__).resolve().parent.parent / "breast_cancer_mlp.h5")
