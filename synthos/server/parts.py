"""The processes that the service is made of on one machine, and the environment that they are born into."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from synthos.errors import InternalError
from synthos.server import ingress
from synthos.server.scrape import FOLDER
from synthos.server.settings import Settings
from synthos.server.storage.opening import open_storage

#: Replicas of a service on port p listen on 100 ports from ``FIRST_REPLICA_PORT`` + 100 (p mod 100) on: below those
#: that Linux gives out, and above those of Ray's workers.
FIRST_REPLICA_PORT, REPLICA_PORTS = 20_000, 100


#: Variables of Ray's in which the address of its dashboard stands, which takes jobs too, and the file of its token.
DASHBOARD, TOKEN = "RAY_API_SERVER_ADDRESS", "RAY_AUTH_TOKEN_PATH"


@dataclass(slots=True)
class Part:
    """One process of the service. ``needs`` names the part without which it cannot begin.

    ``dies_too``: it lives in that part and cannot outlive it. Others are told to stop, and begin again after it.
    """

    name: str
    command: list[str]
    needs: str | None = None
    dies_too: bool = False
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started: float = 0.0
    due: float = field(default=0.0)
    #: It was told to stop: that it ends is no death.
    told: bool = False

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def environment(self, common: Mapping[str, str]) -> dict[str, str]:
        """What it inherits of what is common: Ray's own processes would count into the folder of ours."""
        return {name: value for name, value in common.items() if self.needs is not None or name != FOLDER}


def parts(settings: Settings, folder: Path, common: Mapping[str, str]) -> list[Part]:
    """Ray, the API and the workers, in the order in which they begin. ``common`` is what ``environment`` gave.

    Raises
    ------
    InternalError : Ray is not installed.
    """
    ray = Path(sys.executable).with_name("ray")
    if not ray.exists():
        raise InternalError(f"there is no {ray}: Ray is not installed beside this Python")
    head = [
        str(ray),
        "start",
        "--head",
        "--block",
        "--node-ip-address=127.0.0.1",
        f"--port={_port(common['RAY_ADDRESS'])}",
        f"--dashboard-port={_port(common[DASHBOARD])}",
        # Another Ray of this machine may have taken the usual one; without it, no job is taken from `ray job submit`.
        f"--dashboard-agent-listen-port={free_port()}",
        f"--num-cpus={job_processors(settings)}",
        f"--temp-dir={folder / 'ray'}",
        "--disable-usage-stats",
    ]
    worker = [sys.executable, "-m", "pipelines.worker"]
    return [
        Part("ray", head),
        Part("api", [sys.executable, "-m", "serve_app"], needs="ray", dies_too=True),
        *(Part(f"worker-{number}", worker, needs="ray") for number in range(1, settings.workers + 1)),
    ]


def environment(settings: Settings, config: Path | None, folder: Path, port: int) -> dict[str, str]:
    """What every part inherits: where the others are, and where the tables of the storage are read."""
    token = folder / "ray-token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32), encoding="ascii")
    metrics, proxy = folder / "metrics", folder / "h"
    replicas = FIRST_REPLICA_PORT + (port % 100) * REPLICA_PORTS
    metrics.mkdir()
    given: Mapping[str, str] = {"SYNTHOS_CONFIG": str(config.resolve())} if config else {}
    return {
        **os.environ,
        **given,
        **open_storage(settings).source("any").environment,
        "SYNTHOS_HOST": settings.host,
        "SYNTHOS_PORT": str(port),
        "SYNTHOS_LOG_FILE": str((settings.log_file or settings.data_folder / "logs" / "api.log").resolve()),
        "RAY_ADDRESS": f"127.0.0.1:{free_port()}",
        DASHBOARD: f"http://127.0.0.1:{free_port()}",
        "RAY_AUTH_MODE": "token",
        TOKEN: str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        # A task that Ray kills for want of memory is otherwise tried again without end, and its job would never fail.
        "RAY_task_oom_retries": "3",
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": f"{ingress.__name__}.{ingress.middlewares.__name__}",
        # Nobody reads the proxy's own figures, which it has from a line a request; one thread of it is enough here.
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        # A replica that is told to stop would otherwise stay for half a minute, for balancers that learn of it slowly.
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0",
        # Where a replica died, one of another service on this machine could take its port, and be asked by the proxy of
        # this one: replicas of services that listen on different ports have different ports, too.
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(replicas),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(replicas + REPLICA_PORTS - 1),
        # Three looks in a row have to fail before a proxy that died is started again.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
        # On a busy machine it takes long to begin, and would be started again and again.
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "30",
        # Otherwise all services of a machine share files and ports of their proxies. Sockets want a short path.
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(proxy / "cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(proxy / "a"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(proxy / "m"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(proxy),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(proxy / "s"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
        # Where no replica answers, requests go to Serve's other proxy, which must not be that of another service.
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port()),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(free_port()),
        "RAY_TMPDIR": str(folder),
        "TMPDIR": str(folder),
        FOLDER: str(metrics),
        "PYTHONUNBUFFERED": "1",
    }


def _port(address: str) -> str:
    return address.rsplit(":", 1)[1]


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def job_processors(settings: Settings) -> int:
    """Processors that jobs may have: all but the headroom, and one at least."""
    return max(1, int((os.cpu_count() or 1) * (1.0 - settings.headroom)))
