"""The files by which clusters are made, as far as they can be judged where there is neither a cloud nor Kubernetes."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
from ray.autoscaler.v2.utils import ResourceRequestUtil

from pipelines.environment import ONE_THREAD
from pipelines.resources import GPUS_COME
from synthos.cascade.tiers import GPU_SHARE
from synthos.server.settings import Settings

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Ray's own
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
ROOT = Path(__file__).parents[2]
KUBERAY = ROOT / "configs" / "kuberay"
#: What every process of Ray has to inherit where models train.
WANTED = {
    **ONE_THREAD,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1",
    "RAY_task_oom_retries": "3",
    GPUS_COME: "1",
}


def pinned(package: str) -> str:
    """The version that pyproject.toml pins."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (found,) = [item for item in project["dependencies"] if re.match(rf"{package}\b", item)]
    return str(found).partition("==")[2]


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((KUBERAY / name).read_text(encoding="utf-8")))


def document(name: str, kind: str) -> dict[str, Any]:
    (found,) = [item for item in documents(name) if item["kind"] == kind]
    return found


def clusters() -> Iterator[tuple[str, dict[str, Any]]]:
    """Both clusters on Kubernetes, by the name of their file."""
    yield "rayservice.yaml", document("rayservice.yaml", "RayService")["spec"]["rayClusterConfig"]
    yield "rayjob.yaml", document("rayjob.yaml", "RayJob")["spec"]["rayClusterSpec"]


def groups(cluster: dict[str, Any]) -> list[dict[str, Any]]:
    """The head and every group of workers."""
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


def containers(found: Any) -> Iterator[dict[str, Any]]:
    """Every container of a document, wherever it stands."""
    if isinstance(found, dict):
        yield from (item for name in ("containers", "initContainers") for item in found.get(name, ()))
        found = list(found.values())
    if isinstance(found, list):
        for item in found:
            yield from containers(item)


def environment(container: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container.get("env", ())}


@pytest.fixture(scope="module")
def launched() -> dict[str, Any]:
    """cluster.yaml as ``ray up`` would read it."""
    made: dict[str, Any] = prepare_config(yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8")))
    return made


def test_ray_takes_the_file_for_its_launcher(launched: dict[str, Any]):
    validate_config(launched)
    assert launched["docker"]["image"] == f"rayproject/ray:{pinned('ray')}-py311-cpu"
    kinds = launched["available_node_types"]
    for name in ("gpu_spot", "gpu_on_demand"):
        assert kinds[name]["docker"]["worker_image"] == f"rayproject/ray:{pinned('ray')}-py311-gpu"
    assert kinds["head"]["resources"] == {"CPU": 0}


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_spot_nodes_and_those_that_stand_in_for_them_are_alike(launched: dict[str, Any], kind: str):
    spot, steady = (launched["available_node_types"][f"{kind}_{name}"] for name in ("spot", "on_demand"))
    assert spot["priority"] > steady["priority"]
    assert spot["resources"] == steady["resources"] and spot["max_workers"] == steady["max_workers"]
    market = spot["node_config"].pop("InstanceMarketOptions")
    assert market["MarketType"] == "spot"
    assert spot["node_config"] == steady["node_config"]


@pytest.mark.parametrize(
    ("share", "spot_is_there", "expected"),
    [
        (0.0, True, {"cpu_spot": 2}),
        (0.0, False, {"cpu_on_demand": 2}),
        (GPU_SHARE["light"], True, {"gpu_spot": 8}),
        (GPU_SHARE["light"], False, {"gpu_on_demand": 8}),
        (GPU_SHARE["heavy"], True, {"gpu_spot": 8, "gpu_on_demand": 8}),
    ],
)
def test_rays_scheduler_asks_for_spot_nodes_first(
    launched: dict[str, Any], share: float, spot_is_there: bool, expected: dict[str, int]
):
    """Thirty-two tasks; a type that AWS has just refused counts as unavailable. Nodes with GPUs come for GPUs alone."""
    config = AutoscalingConfig(launched, skip_content_hash=True)
    task = {"CPU": 1, "GPU": share} if share else {"CPU": 1}
    there = {} if spot_is_there else {"cpu_spot": 0.0, "gpu_spot": 0.0}
    request = SchedulingRequest(
        disable_launch_config_check=True,
        node_type_configs=config.get_node_type_configs(),
        max_num_nodes=config.get_max_num_nodes(),
        resource_requests=ResourceRequestUtil.group_by_count([ResourceRequestUtil.make(task)] * 32),
        recoverable_resource_availabilities=there,
        cloud_resource_availabilities=there,
    )
    launches = ResourceDemandScheduler(None).schedule(request).to_launch
    assert {item.instance_type: item.count for item in launches} == expected


@pytest.mark.parametrize("which", ["head", "worker"])
def test_every_node_starts_ray_with_the_same_environment_and_a_token(launched: dict[str, Any], which: str):
    stop, start = launched[f"{which}_start_ray_commands"]
    limit, export, command = (part.strip() for part in start.split(";"))
    given = dict(word.split("=", 1) for word in shlex.split(export)[1:])
    assert stop == "ray stop" and limit == "ulimit -n 65536"
    assert given == {**WANTED, "RAY_AUTH_MODE": "token", "RAY_enable_autoscaler_v2": "1"}
    assert command.startswith(
        "ray start --head --num-cpus=0" if which == "head" else "ray start --address=$RAY_HEAD_IP"
    )
    assert "--dashboard-host=0.0.0.0" not in command
    assert launched["file_mounts"]["/home/ray/.ray/auth_token"] == "~/.ray/auth_token"
    assert "RAY_AUTH_TOKEN" not in (ROOT / "cluster.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [ROOT / "cluster.yaml", KUBERAY / "Dockerfile"], ids=lambda path: path.name)
def test_what_is_installed_is_what_is_pinned(text: Path):
    written = text.read_text(encoding="utf-8")
    assert set(re.findall(r"torch==(\S+?)[\s;]", written)) == {pinned("torch")}
    assert set(re.findall(r"rayproject/ray:([\d.]+)-py311", written)) == {pinned("ray")}


@pytest.mark.parametrize("name", dict(clusters()))
def test_clusters_on_kubernetes_are_of_one_version_and_want_a_token(name: str):
    cluster = dict(clusters())[name]
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    image = f"registry.example.com/synthos:{version}-ray{pinned('ray')}"
    assert cluster["rayVersion"] == pinned("ray")
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for found in (item for whole in documents(name) for item in containers(whole)):
        gpu = "nvidia.com/gpu" in found.get("resources", {}).get("limits", {})
        assert found["image"] == (f"{image}-gpu" if gpu else image)
    for group in groups(cluster):
        assert group["template"]["metadata"]["labels"]["app.kubernetes.io/part-of"] == "synthos"
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]
        assert environment(container)["RAY_USAGE_STATS_ENABLED"] == "0"


def test_the_service_on_kubernetes_is_that_of_the_serve_config():
    from ray.serve.schema import ServeDeploySchema

    service = document("rayservice.yaml", "RayService")["spec"]
    written = yaml.safe_load(service["serveConfigV2"])
    assert written == yaml.safe_load((ROOT / "configs" / "serve.yaml").read_text(encoding="utf-8"))
    ServeDeploySchema.model_validate(written)
    (api,) = written["applications"][0]["deployments"]
    (group,) = service["rayClusterConfig"]["workerGroupSpecs"]
    assert group["groupName"] == api["name"] and group["minReplicas"] == api["num_replicas"]
    (container,) = group["template"]["spec"]["containers"]
    assert {"name": "serve", "containerPort": written["http_options"]["port"]} in container["ports"]
    assert group["template"]["spec"]["terminationGracePeriodSeconds"] > api["graceful_shutdown_timeout_s"]


def test_workers_of_the_service_run_what_there_is():
    pod = document("rayservice.yaml", "Deployment")["spec"]["template"]["spec"]
    (migrate,), (worker,) = pod["initContainers"], pod["containers"]
    assert migrate["command"] == ["synthos", "admin", "migrate"]
    assert worker["command"][:2] == ["python", "-m"] and importlib.util.find_spec(worker["command"][2])
    names = {f"SYNTHOS_{name.upper()}" for name in Settings.model_fields} | {"SYNTHOS_CONFIG"}
    assert {name for name in environment(worker) if name.startswith("SYNTHOS_")} <= names


def test_the_job_is_a_command_of_synthos_on_nodes_that_come_and_go():
    job = document("rayjob.yaml", "RayJob")["spec"]
    python, flag, module, command, *_ = shlex.split(job["entrypoint"])
    assert (python, flag, command) == ("python", "-m", "validate") and importlib.util.find_spec(f"{module}.__main__")
    cluster = job["rayClusterSpec"]
    assert cluster["enableInTreeAutoscaling"] and cluster["autoscalerOptions"]["version"] == "v2"
    for group in groups(cluster):
        (container,) = group["template"]["spec"]["containers"]
        assert environment(container) == WANTED
    cpu, gpu = cluster["workerGroupSpecs"]
    assert cpu["minReplicas"] == gpu["minReplicas"] == 0
    (container,) = gpu["template"]["spec"]["containers"]
    limits = container["resources"]["limits"]
    assert int(limits["cpu"]) * GPU_SHARE["light"] == int(limits["nvidia.com/gpu"])


def test_the_example_of_secrets_holds_none_and_names_settings():
    (secret,) = documents("secrets.example.yaml")
    assert set(secret["stringData"].values()) == {""}
    for name in secret["stringData"]:
        setting, _, inner = name.removeprefix("SYNTHOS_").lower().partition("__")
        assert setting in Settings.model_fields
        assert not inner or inner in {"access_key", "secret_key"}
    service = list(containers(documents("rayservice.yaml")))
    assert all(item["envFrom"] == [{"secretRef": {"name": secret["metadata"]["name"]}}] for item in service)


def test_monitors_find_the_pods_and_ports_that_there_are():
    """By the labels that the files here give, and those that KubeRay adds: it names a group, and each node of Ray."""
    ports = {
        port["name"]
        for _, cluster in clusters()
        for group in groups(cluster)
        for container in group["template"]["spec"]["containers"]
        for port in container["ports"]
    }
    nodes, api = (item for item in documents("monitoring.yaml") if item["kind"] == "PodMonitor")
    for monitor in (nodes, api):
        assert monitor["spec"]["selector"]["matchLabels"]["app.kubernetes.io/part-of"] == "synthos"
        assert {end["port"] for end in monitor["spec"]["podMetricsEndpoints"]} <= ports
    assert api["spec"]["selector"]["matchLabels"]["ray.io/group"] == "api"


def test_the_dashboard_asks_for_figures_that_there_are():
    board = json.loads(document("monitoring.yaml", "ConfigMap")["data"]["synthos.json"])
    asked = " ".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    own = set(re.findall(r"\b(?:http|jobs|validations)_\w+", asked))
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "synthos" / "server").rglob("*.py"))
    assert len(own) == 4
    assert all(f'"{name.removesuffix("_bucket")}"' in source for name in own)
