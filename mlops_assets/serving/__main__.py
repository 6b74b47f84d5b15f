"""``python -m mlops_assets.serving --model iris``: serves the production version of one model."""

import argparse
import logging

import uvicorn
from starlette.types import ASGIApp

from mlops_assets import settings
from mlops_assets.guard import JSON, Guard, loopback_hosts
from mlops_assets.promotion.registry import Registry
from mlops_assets.serving.app import make_app
from mlops_assets.serving.follower import Follower


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="mlops_assets.serving", description=__doc__)
    parser.add_argument("--model", required=True, help="the registered model's name")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument(
        "--seconds", type=float, default=10, help="between two looks at the alias (default: 10)"
    )
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    follower = Follower(Registry(given.model, settings.mlflow_uri()), given.seconds)
    app = application(follower, given.host, given.port)
    uvicorn.run(app, host=given.host, port=given.port, log_level="warning")


def application(follower: Follower, host: str, port: int) -> ASGIApp:
    """The application to serve: guarded on loopback; elsewhere only what stands in front knows."""
    app = make_app(follower)
    loopback = host in ("127.0.0.1", "localhost", "::1")
    return Guard(app, loopback_hosts(port), types=(JSON, "text/csv")) if loopback else app


if __name__ == "__main__":
    main()
