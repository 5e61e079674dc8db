"""The scikit-learn estimators: its own checks, pipelines, cloning, pickling."""
import pickle

import numpy as np
import pytest
from conftest import ROOT
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

import hornpipe
from hornpipe import HornpipeClassifier, HornpipeRegressor

DATA = ROOT / "tests" / "data"
# Checks of scikit-learn that fit an estimator and then ask how well it has learnt: ours learn nothing.
NEED_TRAINING = {
    "HornpipeClassifier": {"check_classifiers_train": "wants an accuracy of 0.83 on blobs that fit was shown"},
    "HornpipeRegressor": {"check_regressors_train": "wants a score of 0.5 on the data that fit was shown"},
}


@pytest.mark.parametrize(
    "estimator",
    [HornpipeClassifier(DATA / "any_features_classes.keras"), HornpipeRegressor(DATA / "any_features_mean.keras")],
    ids=lambda estimator: type(estimator).__name__)
def test_scikit_learn_s_own_checks(estimator):
    expected = NEED_TRAINING[type(estimator).__name__]
    results = check_estimator(estimator, expected_failed_checks=expected, on_skip=None)
    assert len(results) > 45
    assert {r["check_name"] for r in results if r["status"] == "xfail"} == set(expected)
    assert {r["check_name"] for r in results if r["status"] == "skipped"} <= {"check_array_api_input"}


def test_a_real_classifier_scores():
    data = load_breast_cancer()
    classifier = HornpipeClassifier(ROOT / "examples" / "breast_cancer_mlp.h5", classes=data.target_names)
    pipeline = make_pipeline(FunctionTransformer(), classifier)
    labels = pipeline.predict(data.data)
    assert accuracy_score(data.target_names[data.target], labels) > 0.97
    chances = classifier.predict_proba(data.data)
    assert chances.shape == (569, 2) and np.allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert cross_val_score(HornpipeClassifier(classifier.model), data.data, data.target, n_jobs=2).min() > 0.9


def test_one_output_is_the_second_class_and_models_are_parameters(rows):
    model = hornpipe.load_model(ROOT / "examples" / "mlp_10_64_64_1.keras")
    classifier = clone(HornpipeClassifier(model, n_jobs=1))
    assert classifier.model is model and len(pickle.dumps(classifier)) < 2000
    chances = classifier.predict_proba(rows)
    assert chances[:, 1:].tobytes() == model.predict(rows).tobytes()
    assert (classifier.predict(rows) == (chances[:, 1] > 0.5)).all()
    assert classifier.fit(rows, np.where(chances[:, 1] > 0.5, "up", "down")).predict(rows[:1])[0] in ("up", "down")
    with pytest.raises(ValueError, match="3 classes; the model tells 2 apart"):
        classifier.fit(rows, np.arange(len(rows)) % 3)
    with pytest.raises(ValueError, match="3 classes; the model tells 2 apart"):
        HornpipeClassifier(model, classes=["a", "b", "c"]).predict(rows)


def test_regressors_of_one_and_several_outputs(rows):
    assert HornpipeRegressor(DATA / "any_features_mean.keras").predict(rows).shape == (3001,)
    assert HornpipeRegressor(DATA / "any_features_classes.keras").predict(rows).shape == (3001, 4)
    with pytest.raises(TypeError, match="model is None"):
        HornpipeRegressor().predict(rows)
    with pytest.raises(ValueError, match="needs one of shape"):
        HornpipeRegressor(DATA / "nested_ends.keras").predict(rows)
