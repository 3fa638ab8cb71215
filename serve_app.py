"""The API as a Ray Serve application: ``serve run serve_app:app``, or ``serve deploy configs/serve.yaml``.

``synthos serve`` starts the same application with a Ray of its own. Settings come from the environment and from the
file that SYNTHOS_CONFIG names; every replica reads them for itself.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import ray
from fastapi import FastAPI
from ray import serve
from ray.serve import Application

from synthos.server import away_page
from synthos.server.app import create_app
from synthos.server.scrape import FOLDER
from synthos.server.settings import Settings
from synthos.server.telemetry import configure_logs

#: Requests that one replica has under way. Beyond it even the look whether it lives would wait; what is dear has limits
#: of its own.
MOST_REQUESTS = 4_000
#: A replica answers what it has begun within this time after it was told to stop, in seconds.
DRAIN_SECONDS = 15.0
#: Seconds between two looks whether a replica has died.
LOOK_AT_REPLICAS = 2.0
#: Seconds between two looks whether a proxy has begun anew.
LOOK = 0.2
#: The name that Serve gives to an application that has none.
APPLICATION = "default"


def settings() -> Settings:
    """The settings of this process."""
    return Settings.load(os.environ.get("SYNTHOS_CONFIG"))


def build() -> FastAPI:
    """The application of one replica: pools and locks are made where they are used."""
    found = settings()
    configure_logs(found.log_level, found.log_file)
    return create_app(found)


@serve.deployment(
    name="api",
    max_ongoing_requests=MOST_REQUESTS,
    graceful_shutdown_timeout_s=DRAIN_SECONDS,
    health_check_period_s=LOOK_AT_REPLICAS,
    # The application has a line for each request; Serve would make one, too, and throw it away.
    logging_config={"enable_access_log": False, "log_level": "WARNING"},
)
@serve.ingress(build)
class Api:
    """Answers HTTP. Its processors are not booked: jobs have those that ``resources`` leaves them."""


def app(options: dict[str, str]) -> Application:
    """Build the application; there are no options. A Serve config may ask for other numbers of replicas."""
    # Ray's own processes would count into the folder, too, if it were in their environment.
    shared = {FOLDER: os.environ[FOLDER]} if FOLDER in os.environ else {}
    actor = {"num_cpus": 0, "runtime_env": {"env_vars": shared}}
    api: Any = Api  # the decorator has made a deployment of the class
    made: Application = api.options(num_replicas=settings().replicas, ray_actor_options=actor).bind()
    return made


def main() -> None:
    """Deploy on the cluster of RAY_ADDRESS, listen where the settings say, and stay until told to end."""
    found = settings()
    ray.init(address=os.environ["RAY_ADDRESS"], namespace="serve", log_to_driver=False)
    serve.start(http_options={"host": found.host, "port": found.port})
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
    serve.shutdown()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
