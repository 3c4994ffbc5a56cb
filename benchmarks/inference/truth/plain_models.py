"""Models of scikit-learn that anybody would try first, on the same songs and the same tags."""

import warnings

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from benchmarks.inference.truth.worlds import World


def plain_models() -> dict[str, ClassifierMixin]:
    """By name."""
    return {
        "LR": LogisticRegression(C=0.03, max_iter=1000),
        "LDA": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "kNN": KNeighborsClassifier(15),
        "SVC": SVC(C=10, gamma="scale"),
    }


def plain_accuracies(world: World) -> dict[str, float]:
    """Of each on the fresh songs; it learns from the first tag of each song of the library."""
    if not world.has_vectors:
        return {}
    labels, fresh = world.library.tags.argmax(axis=1), world.fresh
    found = {}
    for name, model in plain_models().items():
        fitted = make_pipeline(StandardScaler(), model)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted.fit(world.library.vectors, labels)
        found[f"plain {name}"] = float(
            fresh.truth[np.arange(len(fresh)), fitted.predict(fresh.vectors)].mean()
        )
    return found
