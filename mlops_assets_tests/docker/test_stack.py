"""docker/ for real: built, started, asked, broken, backed up, restored."""

import http.client
import json
import re
import ssl
import subprocess
import time
from contextlib import closing
from urllib.parse import quote

import pytest

from mlops_assets.local.demo import STORY
from mlops_assets.training.tracking import IDEMPOTENCY_TAG
from mlops_assets_tests.docker.stack import CHECKOUT, wait_for

pytestmark = pytest.mark.docker

DRIFTED = "2026-01-02"
PAGE = f"/reports/iris/{DRIFTED}.html"
SERVICES = ("postgres", "mlflow", "code", "webserver", "daemon", "serving", "proxy")
PAGES = (
    "/dagster/",
    "/dagster/graphql",
    "/dagster/server_info",
    "/mlflow/",
    "/mlflow/api/2.0/mlflow/experiments/search?max_results=1",
    "/mlflow/ajax-api/2.0/mlflow/experiments/search?max_results=1",
    "/mlflow/api/2.0/mlflow-artifacts/artifacts",
    "/mlflow/get-artifact?path=decision.json&run_uuid=1",
    "/reports/",
    "/serving/version",
    "/serving/invocations",
)
INSIDE = """
import urllib.error, urllib.request
for path, host in {asked!r}:
    request = urllib.request.Request("http://mlflow:5000" + path, headers={{"Host": host}})
    try:
        print(urllib.request.urlopen(request, timeout=20).status)
    except urllib.error.HTTPError as error:
        print(error.code)
"""

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "graphql-ws",
}

# The child of docker-init; the container ends with it.
CRASH = """
import os, pathlib
for status in pathlib.Path("/proc").glob("[0-9]*/status"):
    if "PPid:\\t1\\n" in status.read_text():
        os.kill(int(status.parent.name), 9)
"""


def test_the_six_days_end_as_told_and_serving_follows_the_promotion(stack, story):
    assert {day: told["outcome"] for day, told in story.items()} == {
        day: outcome for day, (outcome, _) in STORY.items()
    }
    assert story["2026-01-01"]["served"] == 1
    assert story[DRIFTED]["gate"]["production_version"] > 1
    assert story["2026-01-05"]["check"] == "contract"


def test_a_first_start_says_where_it_is_and_how_to_log_in_but_no_secret(stack):
    assert f":{stack.port}" in stack.up_said or "localhost" in stack.up_said
    assert "ADMIN_PASSWORD" in stack.up_said
    assert stack.secret("ADMIN_PASSWORD") not in stack.up_said
    assert stack.env_file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("path", PAGES)
def test_without_a_login_nothing_is_shown(stack, path):
    assert stack.ask(path, user=None)[0] == 401
    wrong = {"Authorization": "Basic YWRtaW46Y2hhbmdlLW1l"}  # admin:change-me
    assert stack.ask(path, user=None, headers=wrong)[0] == 401


def test_the_login_of_programs_is_good_for_serving_only(stack, story):
    assert stack.ask("/serving/version", user="client")[0] == 200
    for path in ("/dagster/", "/mlflow/", "/reports/"):
        assert stack.ask(path, user="client")[0] == 401


def test_another_host_name_and_another_site_are_refused(stack):
    assert stack.ask("/dagster/", headers={"Host": "evil.example"})[0] == 421
    query = {"query": "{ version }"}
    for site in ("http://evil.example", "null"):
        assert stack.ask("/dagster/graphql", query, headers={"Origin": site})[0] == 403
    own = {"Host": f"localhost:{stack.port}", "Origin": f"http://localhost:{stack.port}"}
    assert stack.ask("/dagster/graphql", query, headers=own)[0] == 200


PAUSE = "mutation {setAutoMaterializePaused(paused: true)}"
IN_ADDRESS = f"/dagster/graphql?query={quote(PAUSE)}"
EXPERIMENT = {"name": "of another site"}
CREATE = "/mlflow/api/2.0/mlflow/experiments/create"
LINK = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ATTACKS = {
    "an image": (405, IN_ADDRESS, None, {}),
    "an image with an encoded path": (405, IN_ADDRESS.replace("/g", "/%67"), None, {}),
    "an image that says where it is from": (
        *(403, "/dagster/server_info", None, {"Sec-Fetch-Site": "cross-site"}),
    ),
    "a frame": (
        *(
            403,
            "/dagster/",
            None,
            {**LINK, "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-site"},
        ),
    ),
    "a link to a query": (405, IN_ADDRESS, None, {**LINK, "Sec-Fetch-Site": "cross-site"}),
    "a form": (415, IN_ADDRESS, {}, {"Content-Type": "application/x-www-form-urlencoded"}),
    "a form with a file": (415, IN_ADDRESS, {}, {"Content-Type": "multipart/form-data"}),
    "plain text": (415, IN_ADDRESS, {}, {"Content-Type": "text/plain"}),
    "plain text that says JSON too": (
        *(415, "/dagster/graphql", {"query": PAUSE}),
        {"Content-Type": "text/plain; application/json"},
    ),
    "no type": (415, IN_ADDRESS, {}, {"Content-Type": ""}),
    "another site's JSON": (
        *(403, "/dagster/graphql", {"query": PAUSE}, {"Origin": "http://localhost:1"}),
    ),
    "another site's JSON without an origin": (
        *(403, "/dagster/graphql", {"query": PAUSE}, {"Sec-Fetch-Site": "same-site", **LINK}),
    ),
    "another host": (421, "/dagster/graphql", {"query": PAUSE}, {"Host": "evil.example"}),
    "plain text to MLflow": (415, CREATE, EXPERIMENT, {"Content-Type": "text/plain"}),
    "another site's JSON to MLflow": (403, CREATE, EXPERIMENT, {"Origin": "http://localhost:1"}),
    "a question to MLflow": (
        *(403, "/mlflow/api/2.0/mlflow/experiments/search?max_results=1", None),
        {"Origin": "http://localhost:1"},
    ),
    "plain text to serving": (415, "/serving/invocations", {}, {"Content-Type": "text/plain"}),
    "a foreign websocket": (403, "/dagster/graphql", None, {**UPGRADE, "Origin": "null"}),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_page_of_another_site_can_neither_act_nor_read_by(stack, dagster, attack):
    def known():
        state = dagster._ask("{instance {autoMaterializePaused}}")
        return state, stack.json("/mlflow/api/2.0/mlflow/experiments/search?max_results=100")

    before = known()
    status, path, body, headers = ATTACKS[attack]
    assert stack.ask(path, body, headers=headers)[0] == status
    assert known() == before


def test_a_page_of_another_site_may_link_to_the_stack(stack):
    assert stack.ask("/dagster/", headers={**LINK, "Sec-Fetch-Site": "cross-site"})[0] == 200


def test_inside_of_the_stack_mlflow_asks_for_a_login_as_well(stack):
    search = "/api/2.0/mlflow/experiments/search?max_results=1"
    asked = [
        (search, "mlflow:5000"),
        ("/api/2.0/mlflow-artifacts/artifacts", "mlflow:5000"),
        ("/", "mlflow:5000"),
        ("/graphql", "mlflow:5000"),
        ("/version", "mlflow:5000"),
        (search, "evil.example"),
    ]
    said = stack.compose("exec", "-T", "serving", "python", "-c", INSIDE.format(asked=asked))
    assert said.split()[-6:] == ["401", "401", "401", "401", "401", "403"]


def test_serving_may_read_and_not_write(stack, story):
    move = (
        "from mlflow import MlflowClient\n"
        "from mlflow.exceptions import MlflowException\n"
        "try:\n"
        "    MlflowClient().set_registered_model_alias('iris', 'production', '1')\n"
        "except MlflowException as error:\n"
        "    print('refused:', error.error_code)\n"
    )
    said = stack.compose("exec", "-T", "serving", "python", "-c", move)
    assert "refused: PERMISSION_DENIED" in said


def test_dagsters_websocket_works_through_the_proxy(stack):
    assert stack.ask("/dagster/graphql", headers=UPGRADE)[0] == 101


def test_a_drift_page_is_shown_and_may_not_act_as_the_site(stack, story):
    status, content = stack.ask(PAGE)
    assert status == 200
    assert b"<html" in content[:2000].lower()
    assert stack.ask("/reports/../data/iris/baseline_data/all.parquet")[0] == 404


def test_with_a_certificate_the_port_speaks_tls(stack, tmp_path):
    tmp_path.chmod(0o755)  # the proxy is another user
    certificate = tmp_path / "tls.crt"
    proxy = "mlops_assets-proxy:latest"
    mount = f"{tmp_path}:/certs"
    request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext"
    request += " subjectAltName=DNS:localhost -keyout /certs/tls.key -out /certs/tls.crt"
    docker("run", "--rm", "--user=0", "--volume", mount, proxy, "openssl", *request.split())
    docker("run", "--rm", "--user=0", "--volume", mount, proxy, "chown", "10001", "/certs/tls.key")
    settings = ("HOST_NAMES=localhost", "ADMIN_PASSWORD=a", "CLIENT_PASSWORD=b")
    options = [f"--env={setting}" for setting in settings]
    options += ["--read-only", "--tmpfs=/tmp", "--publish=127.0.0.1::8080", "--volume", mount]
    container = docker("run", "--rm", "--detach", *options, proxy).strip()
    try:
        port = int(docker("port", container, "8080").rpartition(":")[2])
        trusted = ssl.create_default_context(cafile=certificate)

        def encrypted():
            return status(http.client.HTTPSConnection("localhost", port, context=trusted))

        assert wait_for(encrypted, "the proxy to start", 30) == 401
        assert status(http.client.HTTPConnection("localhost", port)) == 400
    finally:
        docker("rm", "--force", container)


def status(connection):
    with closing(connection):
        connection.request("GET", "/dagster/")
        return connection.getresponse().status


def docker(*arguments):
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_containers_have_no_more_than_they_need(inspected):
    assert len(inspected) == len(SERVICES)
    for container in inspected:
        host, config = container["HostConfig"], container["Config"]
        assert host["ReadonlyRootfs"], container["Name"]
        assert [cap.upper() for cap in host["CapDrop"]] == ["ALL"]
        assert not host["CapAdd"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert host["Memory"] > 0
        assert config["User"] not in ("", "root", "0")
        assert host["RestartPolicy"]["Name"] == "unless-stopped"
        assert host["LogConfig"]["Config"]["max-size"]
        assert config["Healthcheck"]["Test"]
        for bindings in host["PortBindings"].values():
            assert container["Config"]["Labels"]["com.docker.compose.service"] == "proxy"
            assert [binding["HostIp"] for binding in bindings] == ["127.0.0.1"]


def test_no_secret_is_in_images_logs_compose_or_dagsters_ui(stack, dagster, story):
    names = [line.split("=")[0] for line in (CHECKOUT / "docker/.env.example").read_text().split()]
    secrets = [stack.secret(n) for n in names if re.search("PASSWORD|SECRET", n)]
    assert len(secrets) == 8
    images = ["mlops_assets:latest", "mlops_assets-proxy:latest"]
    history = ("docker", "history", "--no-trunc", "--format", "{{.CreatedBy}}")
    places = {
        "logs": stack.compose("logs"),
        "compose": (CHECKOUT / "docker/docker-compose.yml").read_text(),
        "configuration": json.dumps(dagster._ask("{ instance { info } }")),
        **{
            image: subprocess.run([*history, image], capture_output=True, text=True).stdout
            for image in images
        },
    }
    assert not [(place, at) for place, text in places.items() for at in secrets if at in text]


def test_an_example_value_left_in_the_settings_stops_the_start(stack, tmp_path):
    kept = stack.environment
    settings = tmp_path / "env"
    text = stack.env_file.read_text()
    secret = stack.secret("MLFLOW_DB_PASSWORD")
    stack.environment = {**kept, "STACK_ENV": str(settings)}
    try:
        for value in ("change-me", ""):
            settings.write_text(text.replace(secret, value))
            said = stack.run("up", check=False)
            assert "MLFLOW_DB_PASSWORD" in said
            assert "secret of your own" in said
    finally:
        stack.environment = kept


def start_retraining(stack, dagster):
    """A whole retraining that has begun to train; its run id, and the versions before it."""
    stack.forget_trainings()
    before = len(stack.versions())
    run_id = wait_for(lambda: dagster.launch("iris_retrain", DRIFTED), "Dagster to launch a run")

    def training():
        found = next(run for run in dagster.runs() if run.id == run_id)
        assert not found.ended
        return any(s.asset == "candidate_model" and s.status == "IN_PROGRESS" for s in found.steps)

    wait_for(training, "the training to begin")
    time.sleep(5)
    return run_id, before


def assert_whole(stack, dagster, run_id, before):
    """The loop has completed: one more version, none twice, and production loads."""
    dagster.finished(run_id)
    versions = stack.versions()
    assert len(versions) == before + 1
    keys = [
        tag["value"]
        for version in versions
        for tag in version.get("tags", [])
        if tag["key"] == IDEMPOTENCY_TAG
    ]
    assert len(keys) == len(versions) == len(set(keys))
    answer = wait_for(stack.predicted, "serving to answer")
    assert answer["predictions"]
    assert answer["version"] == stack.production()
    running = [run.id for run in dagster.runs() if run.status in ("STARTED", "STARTING")]
    assert running == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_killed_during_a_retraining_costs_nothing(stack, dagster, story, service):
    run_id, before = start_retraining(stack, dagster)
    stack.compose("kill", service)
    time.sleep(3)
    stack.compose("up", "--detach", "--wait")
    assert_whole(stack, dagster, run_id, before)


def test_a_code_server_that_crashes_is_started_again_by_docker(stack, dagster, story):
    run_id, before = start_retraining(stack, dagster)
    stack.compose("exec", "-T", "code", "python", "-c", CRASH)
    assert_whole(stack, dagster, run_id, before)


def test_down_and_up_during_a_retraining_costs_nothing(stack, dagster, story):
    run_id, before = start_retraining(stack, dagster)
    stack.run("down")
    stack.run("up")
    assert_whole(stack, dagster, run_id, before)


def test_a_backup_brings_everything_back(stack, dagster, story, tmp_path):
    backup = tmp_path / "backup"
    stack.run("backup", str(backup))
    before = stack.versions(), stack.production(), sorted(run.id for run in dagster.runs())
    stack.compose("down", "--volumes")
    stack.run("restore", str(backup))
    wait_for(stack.predicted, "serving to answer")
    assert (stack.versions(), stack.production(), sorted(r.id for r in dagster.runs())) == before
    report = dagster.metadata("iris", "drift_report", DRIFTED)
    assert report == story[DRIFTED]["report"]
    assert stack.ask(PAGE)[0] == 200


def test_half_a_backup_is_refused_and_changes_nothing(stack, story, tmp_path):
    (tmp_path / "dagster.dump").write_text("x")
    assert "Nothing was changed" in stack.run("restore", str(tmp_path), check=False)
    assert stack.predicted()["predictions"]


def test_a_new_image_takes_the_place_of_the_old_one_and_nothing_is_lost(stack, dagster, story):
    before = stack.versions(), stack.production(), len(dagster.runs())
    marker = CHECKOUT / "mlops_assets" / "upgrade_rehearsal.py"
    marker.write_text('"""Makes the image a new one."""\n')
    try:
        stack.run("up")
        stack.compose("exec", "-T", "code", "test", "-e", "/app/mlops_assets/upgrade_rehearsal.py")
    finally:
        marker.unlink()
    wait_for(stack.predicted, "serving to answer")
    assert (stack.versions(), stack.production()) == before[:2]
    assert len(dagster.runs()) >= before[2]
