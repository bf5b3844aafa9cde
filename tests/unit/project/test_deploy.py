"""The files of ``deploy/`` are what their tools accept, and agree with the server."""

from __future__ import annotations

import contextlib
import copy
import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
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


# --- hardening

USER = 10001


def deployment() -> Any:
    return load(DEPLOY / "kubernetes" / "deployment.yaml")["spec"]["template"]["spec"]


def kserve() -> Any:
    return load(DEPLOY / "kserve.yaml")["spec"]["predictor"]


def compose() -> Any:
    return load(DEPLOY / "docker-compose.yml")["services"]["model"]


def of_a_pod(pod: Any) -> dict[str, object]:
    (container,) = pod["containers"]
    # What a pod says holds for its containers, unless they say otherwise.
    context = pod.get("securityContext", {}) | container["securityContext"]
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    return {
        "user": (context["runAsUser"], context["runAsGroup"]),
        "root": not context["runAsNonRoot"],
        "read-only": context["readOnlyRootFilesystem"],
        "rights gained": context["allowPrivilegeEscalation"],
        "capabilities": context["capabilities"],
        "system calls": context["seccompProfile"]["type"],
        "bounded": {*container["resources"]["limits"]},
        "room": volumes[mounts["/tmp"]["name"]]["emptyDir"]["sizeLimit"],
    }


def of_compose(service: Any) -> dict[str, object]:
    (tmp,) = service["tmpfs"]
    user, group = map(int, service["user"].split(":"))
    return {
        "user": (user, group),
        "root": user == 0,
        "read-only": service["read_only"],
        "rights gained": "no-new-privileges:true" not in service["security_opt"],
        "capabilities": {"drop": service["cap_drop"]},
        # Docker's own profile is in force unless an option lifts it.
        "system calls": "RuntimeDefault" if len(service["security_opt"]) == 1 else "",
        "bounded": {*service["deploy"]["resources"]["limits"]} - {"pids", "cpus"} | {"cpu"},
        "room": re.sub("^/tmp:size=1g$", "1Gi", tmp),
    }


def test_every_container_is_hardened_alike() -> None:
    expected = {
        "user": (USER, USER),
        "root": False,
        "read-only": True,
        "rights gained": False,
        "capabilities": {"drop": ["ALL"]},
        "system calls": "RuntimeDefault",
        "bounded": {"cpu", "memory"},
        "room": "1Gi",
    }
    assert of_a_pod(deployment()) == expected
    assert of_a_pod(kserve()) == expected
    assert of_compose(compose()) == expected
    assert f"\nUSER {USER}:{USER}\n" in (DEPLOY / "Dockerfile").read_text()


def test_no_pod_holds_a_token_of_the_cluster() -> None:
    assert [pod["automountServiceAccountToken"] for pod in (deployment(), kserve())] == [False] * 2


def test_models_are_mounted_to_be_read() -> None:
    (mount,) = [m for m in deployment()["containers"][0]["volumeMounts"] if m["name"] == "model"]
    assert mount["readOnly"]
    assert compose()["volumes"] == ["${MODEL_DIR:-./model}:/opt/model:ro"]


def test_compose_publishes_on_this_machine_only() -> None:
    assert [port.rpartition(":")[0] for port in compose()["ports"]] == ["127.0.0.1:8080"]
    (run,) = re.findall("docker run -p (\\S+)", (DEPLOY / "Dockerfile").read_text())
    assert run == "127.0.0.1:8080:8080"


def test_images_are_pinned_or_it_is_said_why_not() -> None:
    for path in (DEPLOY / "Dockerfile", DEPLOY / "kserve.yaml", MANIFESTS[0]):
        assert "@sha256:" in path.read_text()
    assert (
        re.findall("^FROM (\\S+)", (DEPLOY / "Dockerfile").read_text(), re.M)
        == ["${PYTHON_IMAGE}"] * 2
    )


# --- probes


class Alive(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path in ("/livez", "/models/livez") else 503)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Handshakes that fail are what is asked about."""


@contextlib.contextmanager
def listening(context: ssl.SSLContext | None) -> Iterator[int]:
    server = Listener(("127.0.0.1", 0), Alive)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def healthy(port: int, *arguments: str, **variables: object) -> bool:
    environ = {"PATH": os.environ["PATH"], "ADDRESS": f"0.0.0.0:{port}"}
    environ |= {name: str(value) for name, value in variables.items()}
    script = [sys.executable, "-I", str(DEPLOY / "healthcheck.py"), *arguments]
    return subprocess.run(script, env=environ, capture_output=True).returncode == 0


CERTFILE = f"{PARAMETER}DRUM_SSL_CERTFILE"


def test_the_health_check_speaks_what_the_server_speaks(tmp_path: Path) -> None:
    authority, pem = trustme.CA(), tmp_path / "client.pem"
    authority.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # As in life: for the name that clients use.
    authority.issue_cert("models.example.org").configure_cert(context)
    with listening(None) as port:
        assert healthy(port)
        assert healthy(port, URL_PREFIX="/models/")
        assert not healthy(port, "/readyz")
        assert not healthy(port, **{CERTFILE: pem})
    assert not healthy(port)
    with listening(context) as port:
        assert healthy(port, **{CERTFILE: pem})
        assert not healthy(port)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    with listening(context) as port:
        assert healthy(port, **{CERTFILE: pem, "HEALTHCHECK_CERTFILE": pem})
        assert not healthy(port, **{CERTFILE: pem})


def test_the_image_asks_with_it() -> None:
    image = (DEPLOY / "Dockerfile").read_text()
    assert "COPY deploy/healthcheck.py /opt/healthcheck.py\n" in image
    assert 'CMD ["python", "/opt/healthcheck.py"]\n' in image


def patched(resource: Any, patch: str) -> Any:
    """What kustomize makes of it, by the two operations that are used (RFC 6902)."""
    resource = copy.deepcopy(resource)
    for step in yaml.safe_load(patch):
        *path, last = [
            part.replace("~1", "/").replace("~0", "~") for part in step["path"].split("/")[1:]
        ]
        place = resource
        for part in path:
            place = place[int(part) if isinstance(place, list) else part]
        if isinstance(place, list):
            assert last == "-"
            place.append(step["value"])
        else:
            assert (last in place) is (step["op"] == "replace"), step["path"]
            place[last] = step["value"]
    return resource


def with_tls(tmp_path: Path) -> dict[str, Any]:
    """The manifests that the component changes, by kind."""
    component = load(DEPLOY / "kubernetes" / "tls" / "kustomization.yaml")
    made = {}
    for part in component["patches"]:
        kind = part["target"]["kind"]
        plain = load(DEPLOY / "kubernetes" / f"{kind.lower()}.yaml")
        assert plain["metadata"]["name"] == part["target"]["name"]
        made[kind] = patched(plain, part["patch"])
        path = tmp_path / f"{kind}.yaml"
        path.write_text(yaml.safe_dump(made[kind]))
        tool("kubernetes-validate", "--strict", path)
    return made


def test_probes_speak_tls_where_the_server_does(tmp_path: Path) -> None:
    made = with_tls(tmp_path)
    template = made["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
    assert [probe["scheme"] for probe in probes] == ["HTTPS"] * 3
    assert template["metadata"]["annotations"]["prometheus.io/scheme"] == "https"
    values = {entry["name"].removeprefix(PARAMETER): entry["value"] for entry in container["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    for name in ("DRUM_SSL_CERTFILE", "DRUM_SSL_KEYFILE"):
        assert name in KNOB_BY_NAME
        assert os.path.dirname(values[name]) == mounts["tls"]
    (secret,) = [v["secret"] for v in template["spec"]["volumes"] if v["name"] == "tls"]
    # Nobody else may read the key: a server would warn of it.
    assert secret["defaultMode"] & 0o007 == 0
    assert [port["port"] for port in made["Service"]["spec"]["ports"]] == [443]
