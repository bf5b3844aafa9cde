"""The files of ``deploy/`` are what their tools accept, and agree with the server."""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from datarobot_drum.drum.knobs.table import KNOB_BY_NAME
from datarobot_drum.drum.prediction.figures.metrics import FAMILIES, MEMORY, MODEL_INFO
from datarobot_drum.drum.serving import routes

DEPLOY = Path(__file__).parents[3] / "deploy"
MANIFESTS = [
    path for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")) if "kustom" not in path.name
]
PARAMETER = "MLOPS_RUNTIME_PARAM_"


def tool(name: str, *arguments: str | Path) -> None:
    program = Path(sysconfig.get_path("scripts")) / name
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def test_the_dockerfile_passes_its_linter() -> None:
    tool("hadolint", DEPLOY / "Dockerfile")


def test_the_compose_file_follows_its_schema() -> None:
    tool(
        "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        DEPLOY / "docker-compose.yml",
    )


def test_the_commands_in_the_comments_name_what_exists() -> None:
    # Compose takes paths as relative to its file, docker from where it is called.
    commands = {DEPLOY.parent: DEPLOY / "Dockerfile", DEPLOY: DEPLOY / "docker-compose.yml"}
    for start, path in commands.items():
        comments = "".join(re.findall("^#.*\n", path.read_text(), re.M))
        (folder,) = re.findall(r"(?:\$PWD/|MODEL_DIR=)([^\s:]+)", comments)
        (script,) = re.findall(r"python (\S+)", comments)
        assert (start / folder).resolve() == (DEPLOY.parent / script).resolve().parent
        assert (DEPLOY.parent / script).is_file()


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_manifests_follow_kubernetes_schemas(path: Path) -> None:
    tool("kubernetes-validate", "--strict", path)


def test_the_kserve_predictor_is_a_pod() -> None:
    service = load(DEPLOY / "kserve.yaml")
    assert (service["apiVersion"], service["kind"]) == (
        "serving.kserve.io/v1beta1",
        "InferenceService",
    )
    import kubernetes_validate

    # No published schema of the resource itself: its predictor is a pod's spec with bounds.
    predictor = service["spec"]["predictor"]
    spec = {k: v for k, v in predictor.items() if k not in ("minReplicas", "maxReplicas")}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "model"}, "spec": spec}
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


def test_everything_is_listed_for_kustomize() -> None:
    listed = load(DEPLOY / "kubernetes" / "kustomization.yaml")["resources"]
    assert sorted(listed) == [path.name for path in MANIFESTS]


@pytest.mark.parametrize(
    "path",
    [*MANIFESTS, DEPLOY / "kserve.yaml", DEPLOY / "docker-compose.yml", DEPLOY / "Dockerfile"],
)
def test_parameters_exist_and_values_are_in_range(path: Path) -> None:
    text = path.read_text()
    pairs = re.findall(rf'{PARAMETER}(\w+)(?:\s+value)?(?:: |=)"?([^"\s]+)"?$', text, re.M)
    assert len(pairs) == len(re.findall(PARAMETER, text))
    for name, value in pairs:
        KNOB_BY_NAME[name].parse(value)


def test_probes_ask_routes_that_exist() -> None:
    known = {spelling for route in routes.ROUTES for spelling in routes.spellings(route.path)}
    text = "".join(path.read_text() for path in DEPLOY.rglob("*.yaml"))
    probed = re.findall(r"httpGet:\s+path: (\S+)", text)
    assert len(probed) == 5
    assert set(probed) <= known


def test_pods_get_the_time_that_draining_takes() -> None:
    pod = load(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    values = {entry["name"].removeprefix(PARAMETER): entry["value"] for entry in container["env"]}
    pause = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    graceful = int(values["DRUM_GRACEFUL_TIMEOUT"])
    assert pod["terminationGracePeriodSeconds"] >= pause + graceful + 5


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    names = {family.name for family in (*FAMILIES, MEMORY, MODEL_INFO)}
    dashboard = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text())
    asked = {
        re.sub("_bucket$", "", name)
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"drum_\w+", target["expr"])
    }
    assert asked <= names
    assert asked == names
    scaled_on = load(DEPLOY / "kubernetes" / "hpa.yaml")["spec"]["metrics"][0]["pods"]["metric"]
    assert scaled_on["name"] in names
