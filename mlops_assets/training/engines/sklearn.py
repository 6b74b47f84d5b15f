"""A catalogue of scikit-learn and LightGBM, under the ids that PyCaret has for them.

Settings are the libraries' own, but where those would not end or where they differ between
versions of scikit-learn. Ranges for tuning span what the libraries' documentation recommends.
"""

import inspect
from typing import Any

from mlops_assets.metrics import Task
from mlops_assets.training.engines.algorithm import Algorithm, Catalogue, Choice


def offered(task: Task, seed: int, n_jobs: int) -> Catalogue:
    """The algorithms of a task; see :func:`..catalogue`."""
    lines = _classifiers() if task == "classification" else _regressors()
    given = {"random_state": seed, "n_jobs": n_jobs}
    return {one.id: _with_what_it_takes(one, given) for one in lines}


def _with_what_it_takes(one: Algorithm, given: dict[str, Any]) -> Algorithm:
    """The same with seed and processes, where its class takes them and means something by them."""
    takes = inspect.signature(one.kind).parameters
    given = {name: value for name, value in given.items() if name in takes}
    if one.id == "lr":  # a whole process for each class, and from 1.8 on it warns
        given.pop("n_jobs", None)
    return Algorithm(one.id, one.name, one.kind, {**given, **one.settings}, one.default, one.ranges)


def _classifiers() -> list[Algorithm]:
    from lightgbm import LGBMClassifier
    from sklearn import discriminant_analysis as analysis
    from sklearn import ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree
    from sklearn.dummy import DummyClassifier
    from sklearn.gaussian_process import GaussianProcessClassifier

    return [
        Algorithm(
            *("lr", "Logistic Regression", linear_model.LogisticRegression),
            settings={"max_iter": 1000},
            ranges={"C": _log(1e-3, 1e2)},
        ),
        Algorithm(
            *("knn", "K Neighbors Classifier", neighbors.KNeighborsClassifier),
            ranges=_neighbours(),
        ),
        Algorithm(
            *("nb", "Naive Bayes", naive_bayes.GaussianNB),
            ranges={"var_smoothing": _log(1e-12, 1.0)},
        ),
        Algorithm(
            *("dt", "Decision Tree Classifier", tree.DecisionTreeClassifier),
            ranges=_tree() | {"criterion": Choice(("gini", "entropy"))},
        ),
        Algorithm(
            *("svm", "SVM - Linear Kernel", linear_model.SGDClassifier),
            ranges={"alpha": _log(1e-6, 1e-1), "penalty": Choice(("l2", "l1", "elasticnet"))},
        ),
        Algorithm(
            *("rbfsvm", "SVM - Radial Kernel", svm.SVC),
            settings={"gamma": "auto"},
            default=False,
            ranges={"C": _log(1e-2, 1e2), "gamma": _log(1e-4, 1.0)},
        ),
        Algorithm(
            *("gpc", "Gaussian Process Classifier", GaussianProcessClassifier),
            settings={"copy_X_train": False},
            default=False,
        ),
        Algorithm(
            *("mlp", "MLP Classifier", neural_network.MLPClassifier),
            settings={"max_iter": 500},
            default=False,
            ranges=_network(),
        ),
        Algorithm(
            *("ridge", "Ridge Classifier", linear_model.RidgeClassifier),
            ranges={"alpha": _log(1e-2, 1e3)},
        ),
        Algorithm(
            *("rf", "Random Forest Classifier", ensemble.RandomForestClassifier),
            ranges=_forest(),
        ),
        Algorithm(
            *("qda", "Quadratic Discriminant Analysis", analysis.QuadraticDiscriminantAnalysis),
            ranges={"reg_param": _even(0, 1)},
        ),
        Algorithm(
            *("ada", "Ada Boost Classifier", ensemble.AdaBoostClassifier),
            settings=_samme(),
            ranges=_boosts(),
        ),
        Algorithm(
            *("gbc", "Gradient Boosting Classifier", ensemble.GradientBoostingClassifier),
            ranges=_gradient_boosting(),
        ),
        Algorithm(
            *("lda", "Linear Discriminant Analysis", analysis.LinearDiscriminantAnalysis),
            ranges={"solver": Choice(("lsqr", "eigen")), "shrinkage": _even(0, 1)},
        ),
        Algorithm(
            *("et", "Extra Trees Classifier", ensemble.ExtraTreesClassifier), ranges=_forest()
        ),
        Algorithm(
            *("lightgbm", "Light Gradient Boosting Machine", LGBMClassifier),
            settings={"verbose": -1},
            ranges=_lightgbm(),
        ),
        Algorithm(*("dummy", "Dummy Classifier", DummyClassifier), settings={"strategy": "prior"}),
    ]


def _regressors() -> list[Algorithm]:
    from lightgbm import LGBMRegressor
    from sklearn import ensemble, linear_model, neighbors, neural_network, svm, tree
    from sklearn.dummy import DummyRegressor
    from sklearn.kernel_ridge import KernelRidge

    alpha = {"alpha": _log(1e-4, 1e2)}
    return [
        Algorithm("lr", "Linear Regression", linear_model.LinearRegression),
        Algorithm(*("lasso", "Lasso Regression", linear_model.Lasso), ranges=alpha),
        Algorithm(
            *("ridge", "Ridge Regression", linear_model.Ridge), ranges={"alpha": _log(1e-2, 1e3)}
        ),
        Algorithm(
            *("en", "Elastic Net", linear_model.ElasticNet),
            ranges=alpha | {"l1_ratio": _even(0.01, 1)},
        ),
        Algorithm("lar", "Least Angle Regression", linear_model.Lars),
        Algorithm(*("llar", "Lasso Least Angle Regression", linear_model.LassoLars), ranges=alpha),
        Algorithm("omp", "Orthogonal Matching Pursuit", linear_model.OrthogonalMatchingPursuit),
        Algorithm(*("br", "Bayesian Ridge", linear_model.BayesianRidge), ranges=_priors()),
        Algorithm(
            *("ard", "Automatic Relevance Determination", linear_model.ARDRegression),
            settings={"max_iter": 1000},
            default=False,
            ranges=_priors(),
        ),
        _passive_aggressive(),
        Algorithm(
            *("ransac", "Random Sample Consensus", linear_model.RANSACRegressor),
            default=False,
            ranges={"min_samples": _even(0.1, 0.9)},
        ),
        Algorithm(
            *("tr", "TheilSen Regressor", linear_model.TheilSenRegressor),
            settings={"max_iter": 1000},
            default=False,
        ),
        Algorithm(
            *("huber", "Huber Regressor", linear_model.HuberRegressor),
            settings={"max_iter": 1000},
            ranges=alpha | {"epsilon": _even(1, 2)},
        ),
        Algorithm(*("kr", "Kernel Ridge", KernelRidge), default=False, ranges=alpha),
        Algorithm(
            *("svm", "Support Vector Regression", svm.SVR),
            default=False,
            ranges={"C": _log(1e-2, 1e2), "epsilon": _log(1e-3, 1.0)},
        ),
        Algorithm(
            *("knn", "K Neighbors Regressor", neighbors.KNeighborsRegressor), ranges=_neighbours()
        ),
        Algorithm(*("dt", "Decision Tree Regressor", tree.DecisionTreeRegressor), ranges=_tree()),
        Algorithm(
            *("rf", "Random Forest Regressor", ensemble.RandomForestRegressor), ranges=_forest()
        ),
        Algorithm(*("et", "Extra Trees Regressor", ensemble.ExtraTreesRegressor), ranges=_forest()),
        Algorithm(*("ada", "AdaBoost Regressor", ensemble.AdaBoostRegressor), ranges=_boosts()),
        Algorithm(
            *("gbr", "Gradient Boosting Regressor", ensemble.GradientBoostingRegressor),
            ranges=_gradient_boosting(),
        ),
        Algorithm(
            *("mlp", "MLP Regressor", neural_network.MLPRegressor),
            settings={"max_iter": 500},
            default=False,
            ranges=_network(),
        ),
        Algorithm(
            *("lightgbm", "Light Gradient Boosting Machine", LGBMRegressor),
            settings={"verbose": -1},
            ranges=_lightgbm(),
        ),
        Algorithm("dummy", "Dummy Regressor", DummyRegressor),
    ]


def _samme() -> dict[str, str]:
    """AdaBoost's one way from scikit-learn 1.6 on, which before it had to be asked for."""
    from sklearn.ensemble import AdaBoostClassifier

    parameter = inspect.signature(AdaBoostClassifier).parameters.get("algorithm")
    return {"algorithm": "SAMME"} if parameter and parameter.default == "SAMME.R" else {}


def _passive_aggressive() -> Algorithm:
    """PA-I of Crammer et al. (2006); a setting of SGD from scikit-learn 1.8 on, then its own."""
    from sklearn.linear_model import SGDRegressor

    name, ranges = "Passive Aggressive Regressor", {"epsilon": _log(1e-3, 1.0)}
    rates = getattr(SGDRegressor, "_parameter_constraints", {}).get("learning_rate", [])
    if "pa1" in {option for rate in rates for option in getattr(rate, "options", ())}:
        settings = {
            "loss": "epsilon_insensitive",
            "penalty": None,
            "learning_rate": "pa1",
            "eta0": 1.0,
        }
        return Algorithm("par", name, SGDRegressor, settings, ranges=ranges)
    from sklearn.linear_model import PassiveAggressiveRegressor

    return Algorithm("par", name, PassiveAggressiveRegressor, ranges=ranges | {"C": _log(1e-3, 10)})


def _log(lower: float, upper: float) -> Any:
    from scipy.stats import loguniform

    return loguniform(lower, upper)


def _even(lower: float, upper: float) -> Any:
    from scipy.stats import uniform

    return uniform(lower, upper - lower)


def _whole(lower: int, upper: int) -> Any:
    from scipy.stats import randint

    return randint(lower, upper + 1)


def _neighbours() -> dict[str, Any]:
    return {
        "n_neighbors": _whole(1, 50),
        "weights": Choice(("uniform", "distance")),
        "metric": Choice(("euclidean", "manhattan")),
    }


def _tree() -> dict[str, Any]:
    return {
        "max_depth": _whole(2, 16),
        "min_samples_leaf": _whole(1, 50),
        "max_features": _even(0.4, 1),
    }


def _forest() -> dict[str, Any]:
    return {
        "n_estimators": _whole(50, 300),
        "max_features": _even(0.2, 1),
        "min_samples_leaf": _whole(1, 20),
        "max_depth": Choice((None, 6, 10, 16)),
    }


def _boosts() -> dict[str, Any]:
    return {"n_estimators": _whole(20, 300), "learning_rate": _log(1e-2, 1.0)}


def _gradient_boosting() -> dict[str, Any]:
    return {
        "n_estimators": _whole(50, 300),
        "learning_rate": _log(1e-2, 0.5),
        "max_depth": _whole(2, 8),
        "min_samples_leaf": _whole(1, 50),
        "subsample": _even(0.5, 1),
    }


def _lightgbm() -> dict[str, Any]:
    return {
        "n_estimators": _whole(50, 500),
        "learning_rate": _log(1e-2, 0.5),
        "num_leaves": _whole(4, 128),
        "min_child_samples": _whole(5, 100),
        "colsample_bytree": _even(0.4, 1),
        "reg_alpha": _log(1e-8, 10.0),
        "reg_lambda": _log(1e-8, 10.0),
    }


def _network() -> dict[str, Any]:
    return {
        "alpha": _log(1e-6, 1e-1),
        "learning_rate_init": _log(1e-4, 1e-1),
        "hidden_layer_sizes": Choice(((50,), (100,), (50, 50), (100, 50))),
    }


def _priors() -> dict[str, Any]:
    return {name: _log(1e-8, 1.0) for name in ("alpha_1", "alpha_2", "lambda_1", "lambda_2")}
