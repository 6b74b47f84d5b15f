"""What a person sees in a browser. ``MLOPS_SCREENSHOTS``: a folder to keep the pictures in."""

import os
from pathlib import Path

import pytest

from mlops_assets_tests.e2e.conftest import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ASSETS = (
    "baseline_data",
    "baseline_model",
    "drifted_batch",
    "predictions",
    "drift_report",
    "augmented_dataset",
    "candidate_model",
    "production_model",
)
LOCATION = "locations/__repository__@mlops_assets"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    given = os.environ.get("MLOPS_SCREENSHOTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def around_the_graph(page):
    """The part of the page that the nodes are on: each reaches right and down from its name."""
    names = [page.get_by_text(asset, exact=True).first.bounding_box() for asset in ASSETS]
    left, top = min(name["x"] for name in names) - 50, min(name["y"] for name in names) - 40
    right, bottom = max(name["x"] for name in names) + 330, max(name["y"] for name in names) + 220
    return {"x": left, "y": top, "width": right - left, "height": bottom - top}


def test_the_asset_graph_shows_the_eight_assets_of_iris(up, page, pictures):
    page.set_viewport_size({"width": 2600, "height": 1000})  # wide enough for what is in the nodes
    page.goto(f"{up.dagster}/{LOCATION}/asset-groups/iris")
    for asset in ASSETS:
        page.get_by_text(asset, exact=True).first.wait_for()
    page.wait_for_timeout(3000)  # until the graph has its layout and its states
    page.screenshot(path=pictures / "asset-graph.png", clip=around_the_graph(page))
    nodes = page.locator('a[href*="/assets/iris/"]').evaluate_all("all => all.map(a => a.href)")
    assert {node.split("/assets/iris/")[1].split("?")[0].split("/")[0] for node in nodes} <= {
        *ASSETS
    }


def test_the_sensor_is_running_and_every_skip_tells_its_reason(up, page, pictures):
    page.goto(f"{up.dagster}/{LOCATION}/sensors/iris_retrain_on_drift")
    page.get_by_text("Running", exact=True).first.wait_for()
    # The latest tick is told above the table; in its row are its state and then its result, a link.
    page.get_by_text("0 runs requested").nth(2).click()
    page.get_by_text("Skip reason:").wait_for()
    page.get_by_text("drift report").first.wait_for()
    page.screenshot(path=pictures / "sensor.png")


def test_the_automation_page_shows_schedule_and_sensors_running(up, page, pictures):
    page.goto(f"{up.dagster}/automation")
    for name in ("iris_daily_schedule", "iris_retrain_on_drift", "iris_baseline"):
        page.get_by_text(name).first.wait_for()
    page.get_by_text("Scheduled At 06:00 AM UTC").wait_for()
    switches = page.locator("input[type=checkbox]:checked")
    wait_for(lambda: switches.count() >= 3, 30, "the switches of the automations to be on")
    page.screenshot(path=pictures / "automation.png")


def test_mlflow_shows_the_model_with_its_aliases(up, page, pictures):
    page.goto(f"{up.mlflow}/#/models/iris")
    for alias in ("production", "previous", "staging"):
        page.get_by_text(alias).first.wait_for()
    page.screenshot(path=pictures / "mlflow.png")
