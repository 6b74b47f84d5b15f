import datetime as dt

import pytest
from pydantic import BaseModel, ValidationError

from mlops_assets.spec import ModelSpec
from mlops_assets_tests.examples import iris_spec, iris_yaml

NEEDED = {"name", "columns", "baseline", "batches", "start_date"}


def every_field(model: type[BaseModel]):
    for name, field in model.model_fields.items():
        yield f"{model.__name__}.{name}", field
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from every_field(field.annotation)


def test_the_smallest_yaml_names_the_model_its_columns_and_its_data_only():
    attributes = iris_yaml()
    spec = ModelSpec.model_validate({name: attributes[name] for name in NEEDED})
    assert spec.task == "classification"
    assert spec.metric_of().name == "f1_macro"


@pytest.mark.parametrize("field", sorted(NEEDED))
def test_nothing_of_that_can_be_left_out(field):
    attributes = iris_yaml()
    del attributes[field]
    with pytest.raises(ValidationError, match=field):
        ModelSpec.model_validate(attributes)


def test_every_number_of_a_policy_has_a_default_and_a_description():
    for name, field in every_field(ModelSpec):
        assert field.description, f"{name} has no description"
        of_model = name.removeprefix("ModelSpec.")
        assert not field.is_required() or of_model in NEEDED or name == "Columns.target", name


def test_a_spec_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        iris_spec().name = "other"


def test_the_gates_metric_is_the_one_that_everything_is_judged_by():
    assert iris_spec(gate={"metric": "accuracy"}).metric_of().name == "accuracy"
    assert iris_spec(task="regression", training={}).metric_of().name == "rmse"


@pytest.mark.parametrize("policy", ["gate", "training"])
def test_a_metric_of_another_task_is_refused_where_it_stands(policy):
    with pytest.raises(ValidationError, match="There is no metric 'rmse'") as caught:
        iris_spec(**{policy: {"metric": "rmse"}})
    assert caught.value.errors()[0]["loc"] == (policy,)


@pytest.mark.parametrize("field", ["algorithms", "exclude"])
def test_an_algorithm_that_there_is_not_is_refused_with_those_that_there_are(field):
    expected = r"no algorithm 'xgbost' for classification \(is it xgboost\?\); there are lr, knn"
    with pytest.raises(ValidationError, match=expected) as refused:
        iris_spec(training={field: ["lr", "xgbost"]})
    assert refused.value.errors()[0]["loc"] == ("training",)
    assert iris_spec(task="regression", training={field: ["huber"]})
    with pytest.raises(ValidationError, match="no algorithm 'huber' for classification"):
        iris_spec(training={field: ["huber"]})
    with pytest.raises(ValidationError, match=r"no algorithm 'xgboost' for .* engine sklearn"):
        iris_spec(training={field: ["xgboost"], "engine": "sklearn"})


def test_a_wrong_task_is_told_once_and_as_such():
    with pytest.raises(ValidationError) as caught:
        iris_spec(task="ranking", gate={"metric": "rmse"})
    assert [error["loc"] for error in caught.value.errors()] == [("task",)]


def test_today_is_a_start_and_tomorrow_is_not():
    today = dt.datetime.now(tz=dt.UTC).date()
    assert iris_spec(start_date=str(today)).start_date == str(today)
    with pytest.raises(ValidationError, match="is in the future"):
        iris_spec(start_date=str(today + dt.timedelta(days=2)))


@pytest.mark.parametrize("name", ["Iris", "my-model", "9lives", "", "a/b", "x" * 64])
def test_a_name_that_cannot_be_a_group_is_refused(name):
    with pytest.raises(ValidationError, match="should match pattern"):
        iris_spec(name=name)


@pytest.mark.parametrize("written", ["recall_at(0.1)", {"recall_at": 0.1}])
@pytest.mark.parametrize("policy", ["gate", "training"])
def test_a_metric_of_one_step_overrides_that_of_all(policy, written):
    spec = iris_spec(metric="roc_auc", **{policy: {"metric": written}})
    found = {"gate": spec.gate.metric, "training": spec.training.metric}
    assert found.pop(policy) == "recall_at(0.1)"
    assert list(found.values()) == ["roc_auc"]


def test_a_wrong_metric_of_all_is_told_once_where_it_stands():
    with pytest.raises(ValidationError, match="'roc_auk'") as caught:
        iris_spec(metric="roc_auk")
    assert [error["loc"] for error in caught.value.errors()] == [("metric",)]


def test_a_metric_of_the_users_own_is_there_when_the_yaml_is_loaded():
    assert iris_spec(metric={"function": "json:loads"}).metric == "function(json:loads)"
    with pytest.raises(ValidationError, match="not_here:profit cannot be imported"):
        iris_spec(gate={"metric": {"function": "not_here:profit"}})


def test_a_transformer_has_to_be_there_and_to_be_one():
    named = "sklearn.preprocessing:StandardScaler"
    assert iris_spec(training={"features": named}).training.features == named
    with pytest.raises(ValidationError, match="The transformer not_here:x cannot be imported"):
        iris_spec(training={"features": "not_here:x"})
    with pytest.raises(ValidationError, match="has no method transform"):
        iris_spec(training={"features": "sklearn.svm:SVC"})
    with pytest.raises(ValidationError, match="should match pattern"):
        iris_spec(training={"features": "sklearn.svm.SVC"})
