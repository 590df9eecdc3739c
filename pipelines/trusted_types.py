"""What a saved model may hold: types that do nothing but hold a model when they are put together from a file.

skops puts objects together by name. A name is trusted here if it is scikit-learn's own class of one of a few kinds, all
of which only keep what they are given, or stands in one of the two short lists below. A function is never trusted for
where it comes from: only those in the list, and the arithmetic of NumPy and SciPy (``ufunc``) that skops trusts itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from typing import Final

_PARTS: Final = (
    "collections.OrderedDict",  # in what LightGBM says of its training
    "numpy.dtype",
    "scipy.interpolate._bsplines.BSpline",
    "scipy.sparse._coo.coo_array",
    "scipy.sparse._coo.coo_matrix",
    "scipy.sparse._csc.csc_array",
    "scipy.sparse._csc.csc_matrix",
    "scipy.sparse._csr.csr_array",
    "scipy.sparse._csr.csr_matrix",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.cluster._bisect_k_means._BisectingTree",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._ball_tree.BallTree32",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neighbors._kd_tree.KDTree32",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
)
"""Types that models are made of and that belong to none of the kinds in :func:`trusted_types`."""

_FUNCTIONS: Final = (
    "numpy.mean",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "sklearn.cluster._kmeans._kmeans_single_lloyd",
    "sklearn.feature_selection._mutual_info.mutual_info_classif",
    "sklearn.feature_selection._mutual_info.mutual_info_regression",
    "sklearn.feature_selection._univariate_selection.chi2",
    "sklearn.feature_selection._univariate_selection.f_classif",
    "sklearn.feature_selection._univariate_selection.f_regression",
    "sklearn.feature_selection._univariate_selection.r_regression",
    "sklearn.metrics._classification.balanced_accuracy_score",
)
"""Functions of their arguments alone, which scikit-learn's estimators keep."""

_NOT_MODELS: Final = ("tests", "_testing", "_mocking", "estimator_checks", "externals", "datasets", "conftest")
"""Parts of scikit-learn whose classes are of no model."""


@cache
def trusted_types() -> frozenset[str]:
    """Return the dotted names that a file may hold beyond those that skops trusts itself.

    They are scikit-learn's estimators, public or not, kernels, losses, links, distances, optimizers and ways to divide
    rows, with what is listed in this module. A class counts under the name by which it is defined only.
    """
    from sklearn._loss.link import BaseLink
    from sklearn._loss.loss import BaseLoss
    from sklearn.base import BaseEstimator
    from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401
    from sklearn.gaussian_process.kernels import Kernel
    from sklearn.metrics import DistanceMetric
    from sklearn.metrics._dist_metrics import DistanceMetric32, DistanceMetric64
    from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit
    from sklearn.neural_network._stochastic_optimizers import BaseOptimizer
    from sklearn.utils import all_estimators

    all_estimators()  # imports all of scikit-learn, so that its classes are known
    distances = (DistanceMetric, DistanceMetric32, DistanceMetric64)
    kinds: list[type] = [BaseEstimator, Kernel, BaseLoss, BaseLink, *distances]
    kinds += [BaseOptimizer, BaseCrossValidator, BaseShuffleSplit]
    derived = {name for kind in kinds for name in map(_name_of, _subclasses(kind)) if name is not None}
    return frozenset((*_PARTS, *_FUNCTIONS, *derived))


def _subclasses(kind: type) -> Iterator[type]:
    """Yield every class that descends from ``kind``."""
    direct: list[type] = type.__subclasses__(kind)
    for subclass in direct:
        yield subclass
        yield from _subclasses(subclass)


def _name_of(kind: type) -> str | None:
    """Return the dotted name of a class of scikit-learn's models; None for any other."""
    parts = kind.__module__.split(".")
    module = sys.modules.get(kind.__module__)
    if parts[0] != "sklearn" or any(part in _NOT_MODELS for part in parts):
        return None
    if getattr(module, kind.__name__, None) is not kind or not (module and getattr(module, "__file__", None)):
        return None
    return f"{kind.__module__}.{kind.__name__}"
