"""The commands in the README are commands that work."""

import re
import subprocess

import pytest

from mlops_assets.settings import CHECKOUT
from mlops_assets_tests.e2e.conftest import environment_for

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:console|sh|bash|shell)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines() if line]
TARGETS = sorted(set(re.findall(r"`(?:[A-Z_]+=\S+ )*make ([a-z-]+)", README)))

pytestmark = pytest.mark.e2e

# These are run as a whole elsewhere: by the fixture of the demo, by that of `up`, by CI, which
# calls both of the next two, by models/test_readme.py, and in a project by elsewhere/test_loop.py.
RUN_ELSEWHERE = {"make demo", "make up", "make test", "make lint"}
IN_A_PROJECT = "dg "
OF_THE_MODEL_CHURN = " NAME=churn"


def test_the_commands_of_the_readme_end_well(tmp_path):
    environment = environment_for(tmp_path / "home")
    for command in sorted({*COMMANDS} - RUN_ELSEWHERE):
        if OF_THE_MODEL_CHURN in command or command.startswith(IN_A_PROJECT):
            continue
        subprocess.run(["/bin/sh", "-c", command], cwd=CHECKOUT, env=environment, check=True)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_the_readme_names_exists_and_is_in_the_help(target):
    for command in (["make", "--dry-run", target], ["make", "help"]):
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert f"make {target} " in done.stdout


def test_the_readme_starts_with_the_demo():
    assert COMMANDS[0] == "make demo"


def test_every_file_that_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    missing = [link for link in links if "://" not in link and not (CHECKOUT / link).exists()]
    assert missing == []
