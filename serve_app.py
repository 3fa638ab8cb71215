"""The API as a Ray Serve application: ``serve run serve_app:app``, or ``serve deploy configs/serve.yaml``.

``synthos serve`` starts the same application with a Ray of its own. Settings come from the environment and from the
file that SYNTHOS_CONFIG names; every replica reads them for itself.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import ray
from fastapi import FastAPI
from ray import serve
from ray.serve import Application

from synthos.server import away_page
from synthos.server.app import create_app
from synthos.server.settings import Settings

#: A replica answers what it has begun within this time after it was told to stop, in seconds.
DRAIN_SECONDS = 15.0
#: Seconds between two looks whether a proxy has begun anew.
LOOK = 0.2
#: The name that Serve gives to an application that has none.
APPLICATION = "default"


def build() -> FastAPI:
    """The application of one replica: pools and locks are made where they are used."""
    return create_app(Settings.load(os.environ.get("SYNTHOS_CONFIG")))


@serve.deployment(
    name="api",
    max_ongoing_requests=256,
    graceful_shutdown_timeout_s=DRAIN_SECONDS,
    ray_actor_options={"num_cpus": 0},
)
@serve.ingress(build)
class Api:
    """Answers HTTP. Its processors are not booked: jobs have those that ``resources`` leaves them."""


def app(options: dict[str, str]) -> Application:
    """Build the application; there are no options."""
    return Api.bind()


def main() -> None:
    """Deploy on the cluster of RAY_ADDRESS, listen where the settings say, and stay until told to end."""
    settings = Settings.load(os.environ.get("SYNTHOS_CONFIG"))
    ray.init(address=os.environ["RAY_ADDRESS"], namespace="serve", log_to_driver=False)
    serve.start(http_options={"host": settings.host, "port": settings.port})
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    configuration = os.environ.get("RAY_SERVE_HAPROXY_CONFIG_FILE_LOC")
    proxies = Path(configuration).parent if configuration else None
    if proxies:
        away_page.put_into(proxies)
    serve.run(app({}))
    while not ended.wait(LOOK):
        if proxies:
            away_page.put_into(proxies)
    serve.delete(APPLICATION)  # the proxy still passes on what replicas are answering
    serve.shutdown()


if __name__ == "__main__":
    main()
