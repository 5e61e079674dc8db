"""scikit-learn estimators over a model that Keras has trained.

Invariant: nothing is trained. `fit` looks at what it is given and remembers names: features, and classes where none
were given; an estimator that was never fitted predicts as well. Estimators clone and pickle as their parameters.
"""

import os
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d, validate_data

from hornpipe import _loading
from hornpipe._model import Model

Array = np.ndarray[Any, Any]


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators are."""

    model: Any
    n_jobs: int | None
    batch_size: int | None

    def __sklearn_is_fitted__(self) -> bool:
        return self.model is not None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True  # networks take NaN as any number
        tags.requires_fit = False
        return tags

    def _opened(self) -> Model:
        """The model itself, where `model` is its path."""
        if isinstance(self.model, Model):
            return self.model
        if isinstance(self.model, (str, os.PathLike)):
            return _loading.shared(self.model)
        raise TypeError(f"model is {self.model!r}; expected a hornpipe.Model or the path of one")

    def _units(self) -> int:
        """Numbers that the model gives per row."""
        outputs = self._opened().outputs
        if len(outputs) != 1 or len(outputs[0].shape) != 2 or outputs[0].shape[1] is None:
            shapes = [spec.shape for spec in outputs]
            raise ValueError(f"the model has outputs of shapes {shapes}; an estimator needs one of shape (None, units)")
        return outputs[0].shape[1]

    def _rows(self, X: Any) -> Array:
        """X as checked by scikit-learn: against the features of `fit`, where that was called."""
        several_axes = len(self._opened().inputs[0].shape) > 2
        options = {"allow_nd": several_axes, "ensure_all_finite": False, "dtype": "numeric"}
        if hasattr(self, "n_features_in_"):
            return validate_data(self, X, reset=False, **options)  # type: ignore[no-any-return]
        return check_array(X, **options)  # type: ignore[no-any-return]

    def _numbers(self, X: Any) -> Array:
        return self._opened().predict(  # type: ignore[no-any-return]
            self._rows(X), batch_size=self.batch_size, n_jobs=self.n_jobs, verbose=0
        )

    def _fit(self, X: Any, y: Any) -> Array:
        several_axes = len(self._opened().inputs[0].shape) > 2
        _, y = validate_data(
            self, X, y, allow_nd=several_axes, ensure_all_finite=False, dtype="numeric", multi_output=True
        )
        return column_or_1d(y, warn=True) if np.shape(y)[1:] == (1,) else np.asarray(y)


class HornpipeClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A trained Keras classifier as an estimator of scikit-learn.

    Parameters
    ----------
    model : Model or path
        Gives one number per row (the probability of the second class) or one per class.
    classes : array_like of shape (n_classes,), optional
        Labels in the order of the outputs. None: those that `fit` sees, sorted; without `fit`, 0, 1, ...
    n_jobs, batch_size : int, optional
        As for `Model.predict`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels; after `fit`.
    n_features_in_ : int
        Columns of X; after `fit`.

    Examples
    --------
    >>> classifier = HornpipeClassifier("model.keras", classes=["benign", "malignant"])
    >>> classifier.predict(X)
    """

    def __init__(
        self,
        model: Any = None,
        classes: Any = None,
        n_jobs: int | None = None,
        batch_size: int | None = None,
    ) -> None:
        self.model = model
        self.classes = classes
        self.n_jobs = n_jobs
        self.batch_size = batch_size

    def fit(self, X: Any, y: Any) -> "HornpipeClassifier":
        """Look at X and y; nothing is trained.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
        y : array_like of shape (n_rows,)
            Labels, whose sorted values name the outputs where `classes` is None.

        Returns
        -------
        HornpipeClassifier
            This one.

        Raises
        ------
        ValueError
            There are more classes than the model has outputs, or X is not what the model takes.
        """
        y = self._fit(X, y)
        check_classification_targets(y)
        self.classes_ = self._told_apart(np.unique(y) if self.classes is None else self.classes)
        return self

    def _told_apart(self, classes: Any) -> Array:
        """The classes as an array. Raises ValueError where there are more than the model has outputs."""
        most = max(2, self._units())
        if len(classes) > most:
            raise ValueError(f"there are {len(classes)} classes; the model tells {most} apart")
        return np.asarray(classes)

    def _labels(self) -> Array:
        if hasattr(self, "classes_"):
            return np.asarray(self.classes_)
        return np.arange(max(2, self._units())) if self.classes is None else self._told_apart(self.classes)

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows, n_classes)
            What the model gives; of a model with one output, that and what is left to 1.
        """
        units = self._units()
        given = self._numbers(X)
        if units == 1:
            given = np.concatenate([1 - given, given], axis=1)
        return given[:, : len(self._labels())]

    def predict(self, X: Any) -> Array:
        """The class with the largest probability, row by row.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows,)
            Labels out of ``classes_``.
        """
        places: Array = self.predict_proba(X).argmax(axis=1)
        return self._labels()[places]


class HornpipeRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A trained Keras regression model as an estimator of scikit-learn.

    Parameters
    ----------
    model : Model or path
        Gives one number per row, or several.
    n_jobs, batch_size : int, optional
        As for `Model.predict`.

    Attributes
    ----------
    n_features_in_ : int
        Columns of X; after `fit`.

    Examples
    --------
    >>> HornpipeRegressor("model.keras").predict(X)
    """

    def __init__(self, model: Any = None, n_jobs: int | None = None, batch_size: int | None = None) -> None:
        self.model = model
        self.n_jobs = n_jobs
        self.batch_size = batch_size

    def fit(self, X: Any, y: Any) -> "HornpipeRegressor":
        """Look at X and y; nothing is trained.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)
        y : array_like of shape (n_rows,) or (n_rows, n_outputs)

        Returns
        -------
        HornpipeRegressor
            This one.

        Raises
        ------
        ValueError
            X is not what the model takes.
        """
        self._fit(X, y)
        return self

    def predict(self, X: Any) -> Array:
        """What the model gives.

        Parameters
        ----------
        X : array_like of shape (n_rows, n_features)

        Returns
        -------
        ndarray of shape (n_rows,), or (n_rows, n_outputs) where there are several
        """
        units = self._units()
        given = self._numbers(X)
        return given[:, 0] if units == 1 else given
