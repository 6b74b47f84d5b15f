"""What is loaded is what was registered, and of types that are trusted; else nothing is."""

import logging
import pickle
import shutil
from importlib import metadata
from pathlib import Path, PosixPath

import mlflow
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import Pipeline

from mlops_assets.promotion import registry as registry_module
from mlops_assets.training import model_format
from mlops_assets.training.library_versions import OtherVersionsError
from mlops_assets.training.model_format import ChangedModelError, Digest, UnsafeModelError
from mlops_assets_tests.stored import HARM, file_of, register, without_digest
from mlops_assets_tests.training.tables import mixed

ROW = pd.DataFrame({"count": [1.0], "colour": ["red"]})


@pytest.fixture
def registry(mlflow_uri, tmp_path):
    return register("shop", mlflow_uri, tmp_path / "art", ("one", "two"))


def test_a_version_carries_the_digest_of_its_file(registry):
    content = file_of(registry, 1).read_bytes()
    version = registry.get(1)
    assert Digest.from_tags(version.tags) == Digest.of(content)
    assert version.tags["model_bytes"] == str(len(content))
    assert registry.load(version).predict(ROW).labels.tolist() == ["one"]


@pytest.mark.parametrize("harm", HARM)
def test_a_file_that_is_not_the_one_that_was_registered_is_refused(registry, harm):
    HARM[harm](file_of(registry, 1))
    with pytest.raises(ChangedModelError) as told:
        registry.load(registry.get(1))
    for part in ("version 1 of 'shop'", "Nothing was loaded", "from a backup", "who can write"):
        assert part in str(told.value)
    assert registry.load(registry.get(2)).predict(ROW).labels.tolist() == ["two"]


def test_the_file_of_another_version_is_refused_and_both_digests_are_told(registry):
    then = registry.get(1).tags["model_sha256"][:12]
    now = registry.get(2).tags["model_sha256"][:12]
    shutil.copyfile(file_of(registry, 2), file_of(registry, 1))
    with pytest.raises(ChangedModelError, match=f"it has SHA-256 {now}.*with SHA-256 {then}"):
        registry.load(registry.get(1))


def test_where_all_files_are_gone_it_says_so(registry):
    shutil.rmtree(file_of(registry, 1).parent)
    with pytest.raises(ChangedModelError, match="version 1 of 'shop'"):
        registry.load(registry.get(1))


def test_tags_that_are_not_what_was_recorded_are_refused(registry):
    version = registry.get(1)
    recorded = Digest.from_tags(version.tags)
    assert registry.load(version, recorded)
    shutil.copyfile(file_of(registry, 2), file_of(registry, 1))
    registry.set_tags(version, Digest.from_tags(registry.get(2).tags).tags())
    with pytest.raises(ChangedModelError, match=r"tags of version 1 .* are not what was recorded"):
        registry.load(registry.get(1), recorded)
    without_digest(registry, 1)
    with pytest.raises(ChangedModelError, match="not the one that was registered"):
        registry.load(registry.get(1), recorded)


def test_a_tag_that_is_no_number_is_refused(registry):
    registry.set_tags(registry.get(1), {"model_bytes": "many"})
    with pytest.raises(ChangedModelError):
        registry.load(registry.get(1))


def test_a_version_of_before_there_were_digests_loads_and_that_is_said_once(registry, caplog):
    registry_module._warn_without_digest.cache_clear()
    without_digest(registry, 1)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert registry.load(registry.get(1)).predict(ROW).labels.tolist() == ["one"]
    said = [text for text in caplog.messages if "No digest of the file of version 1" in text]
    assert len(said) == 1
    assert "model_sha256" not in registry.get(1).tags  # what may be changed already is not blessed


@pytest.mark.parametrize(
    ("package", "number", "loads"),
    [
        ("scikit-learn", "0.24.2", False),
        ("scikit-learn", "{0}.{1}.99", True),
        ("scikit-learn", "{0}.99.0", False),
        ("lightgbm", "{0}.99.0", True),
        ("lightgbm", "2.3.1", False),
        ("numpy", "1.0.0", True),
    ],
)
def test_a_model_of_other_libraries_is_refused_where_that_matters(registry, package, number, loads):
    here = metadata.version(package)
    then = number.format(*here.split("."))
    stored = file_of(registry, 1).with_name("requirements.txt")
    kept = stored.read_text("utf-8")
    assert f"{package}=={here}\n" in f"{kept}\n"
    stored.write_text(kept.replace(f"{package}=={here}", f"{package}=={then}"), "utf-8")
    if loads:
        assert registry.load(registry.get(1)).predict(ROW).labels.tolist() == ["one"]
        return
    said = f"Version 1 of 'shop' was made with {package} {then} \\({here} is here\\).*pip install"
    with pytest.raises(OtherVersionsError, match=said):
        registry.load(registry.get(1))


def test_without_its_requirements_a_model_loads_as_before(registry):
    file_of(registry, 1).with_name("requirements.txt").unlink()
    assert registry.load(registry.get(1)).predict(ROW).labels.tolist() == ["one"]


@pytest.mark.parametrize("harm", ["truncated", "empty", "deleted"])
def test_without_a_digest_a_damaged_file_is_a_plain_refusal_as_well(registry, harm):
    without_digest(registry, 1)
    HARM[harm](file_of(registry, 1))
    with pytest.raises(ChangedModelError, match=r"damaged \([\d,]+ bytes, |is gone"):
        registry.load(registry.get(1))


def test_a_file_with_another_type_is_refused_though_its_own_list_allows_it(registry):
    without_digest(registry, 1)
    path = file_of(registry, 1)
    skops.io.dump(Path("/tmp/x"), path)
    settings = path.parent / "MLmodel"
    settings.write_text(
        settings.read_text("utf-8").replace(
            "- numpy.dtype", f"- numpy.dtype\n    - {PosixPath.__module__}.PosixPath"
        ),
        "utf-8",
    )
    with pytest.raises(
        UnsafeModelError, match=r"1 types .* not trusted: pathlib\.(_local\.)?PosixPath"
    ):
        registry.load(registry.get(1))


def test_a_pickle_is_never_loaded(registry):
    path = file_of(registry, 1)
    path.unlink()
    (path.parent / "model.pkl").write_bytes(pickle.dumps(1))
    with pytest.raises(UnsafeModelError, match="not stored in the skops format"):
        registry.load(registry.get(1))


def test_a_model_with_a_type_that_could_not_be_loaded_is_not_stored(registry):
    strange = Pipeline([("estimator", Path("/"))])
    run = mlflow.start_run(experiment_id="0")  # whatever another test has made the active one
    with run, pytest.raises(UnsafeModelError, match="pathlib"):
        model_format.log_model(strange, mixed(), {})
