"""Status routes, headers of every answer, unknown paths and wrong methods."""

from __future__ import annotations

import uuid

import pytest

from datarobot_drum import __version__
from tests.contract.clients import Answer
from tests.contract.folders import Folders
from tests.contract.fronts import Front, Serve

OK_ROUTES = ["/", "/ping", "/ping/", "/health", "/health/", "/livez", "/livez/"]
STATUS_ROUTES = [
    *OK_ROUTES,
    *("/readyz", "/readyz/", "/info", "/info/"),
    *("/capabilities", "/capabilities/", "/stats", "/stats/"),
    *("/metrics", "/metrics/"),
]
PREDICT_ROUTES = [
    *("/predict", "/predict/", "/predictions", "/predictions/", "/invocations", "/invocations/"),
]
ROWS = "a,b\n1,2\n3.5,4\n"


def assert_standard_headers(answer: Answer) -> None:
    assert answer.headers["X-Request-ID"] == answer.headers["X_Request_ID"]
    assert answer.headers["X-Drum-Version"] == __version__


@pytest.mark.parametrize("route", OK_ROUTES)
def test_status_route_says_ok(serve: Serve, folders: Folders, route: str) -> None:
    answer = serve(folders.regression).get(route)
    assert answer.status == 200
    assert answer.body == b'{"message":"OK"}\n'
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("route", ["/readyz", "/readyz/"])
def test_readyz_once_the_model_is_loaded(serve: Serve, folders: Folders, route: str) -> None:
    answer = serve(folders.regression).get(route)
    assert (answer.status, answer.json()) == (200, {"message": "OK"})


def test_info_names_model_and_server(serve: Serve, folders: Folders, front: Front) -> None:
    info = serve(folders.regression).get("/info/").json()
    assert info == {
        "codeDir": str(folders.regression.path),
        "drumServer": front.server_type,
        "drumVersion": __version__,
        "language": "python",
        "modelMetadata": None,
        "predictor": "scikit-learn",
        "targetType": "regression",
    }


def test_info_of_a_binary_model_has_its_labels(serve: Serve, folders: Folders) -> None:
    info = serve(folders.binary).get("/info/").json()
    assert info["positiveClassLabel"] == "yes"
    assert info["negativeClassLabel"] == "no"
    assert "classLabels" not in info


def test_info_of_a_multiclass_model_has_its_labels(serve: Serve, folders: Folders) -> None:
    info = serve(folders.multiclass).get("/info/").json()
    assert info["classLabels"] == ["top", "low", "mid"]
    assert "positiveClassLabel" not in info


def test_info_of_a_model_scored_by_a_hook(serve: Serve, folders: Folders) -> None:
    info = serve(folders.all_hooks).get("/info/").json()
    assert info["predictor"] is None


def test_small_bodies_have_sorted_keys_and_end_with_a_newline(
    serve: Serve, folders: Folders
) -> None:
    for route in ("/info/", "/capabilities/", "/stats/"):
        body = serve(folders.regression).get(route).body
        assert body.endswith(b"}\n")
        keys = list(serve(folders.regression).get(route).json())
        assert keys == sorted(keys)


def test_capabilities(serve: Serve, folders: Folders) -> None:
    found = serve(folders.regression).get("/capabilities/").json()
    assert found["supported_methods"]["chat"] is False
    # Other formats may be there too; these two always are.
    assert found["supported_payload_formats"].items() >= {"csv": None, "mtx": None}.items()


def test_stats_without_show_perf(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression)
    client.predict(ROWS)
    found = client.get("/stats/").json()
    assert set(found) >= {"drum_info", "mem_info", "time_info"}
    for process in found["drum_info"]:
        assert {"cmdline", "cpu_percent", "mem", "pid"} == set(process)
        assert process["mem"] > 0
    memory = found["mem_info"]
    containers = {"container_limit", "container_max_used", "container_used"}
    assert set(memory) == {"avail", "drum_pss", "drum_rss", "free", "total"} | containers
    assert 0 < memory["drum_pss"] <= memory["drum_rss"] < memory["total"]
    nothing = {"avg": None, "max": None, "min": None, "total": None}
    assert found["time_info"]["run_predictor_total"] == nothing


def test_stats_with_show_perf_are_reset_by_reading(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression.with_args("--show-perf"))
    client.get("/stats/")
    client.predict(ROWS)
    client.predict(ROWS)
    first = client.get("/stats/").json()["time_info"]["run_predictor_total"]
    second = client.get("/stats/").json()["time_info"]["run_predictor_total"]
    assert 0 <= first["min"] <= first["avg"] <= first["max"] <= first["total"]
    assert set(second.values()) == {None}


@pytest.mark.parametrize("route", STATUS_ROUTES)
def test_decision_06_status_routes_answer_in_both_spellings(
    serve: Serve, folders: Folders, route: str
) -> None:
    assert serve(folders.regression).get(route).status == 200


@pytest.mark.parametrize("route", PREDICT_ROUTES)
def test_decision_06_predict_routes_answer_in_both_spellings(
    serve: Serve, folders: Folders, route: str
) -> None:
    answer = serve(folders.regression).predict(ROWS, route)
    assert answer.status == 200
    assert len(answer.predictions) == 2


@pytest.mark.parametrize(
    "route", ["/", "/ping/", "/info", "/livez", "/stats/", "/readyz", "/predict/", "/invocations"]
)
def test_url_prefix_stands_before_every_route(serve: Serve, folders: Folders, route: str) -> None:
    client = serve(folders.regression.with_env(URL_PREFIX="/one/two"))
    method = "POST" if route in PREDICT_ROUTES else "GET"
    assert client.call(method, route, body=ROWS.encode()).status == 200


def test_url_prefix_moves_the_routes(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression.with_env(URL_PREFIX="/one/two"))
    client.prefix = ""
    try:
        assert client.get("/ping/").status == 404
        assert client.get("/one/two/ping/").status == 200
        assert client.get("/one/two").status == 200
    finally:
        client.prefix = "/one/two"


# -- decision 5: 404 and 405


@pytest.mark.parametrize(
    "path", ["/nowhere", "/predict/more", "/ping//", "//ping/", "//", "/%00", "/../x"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_decision_05_unknown_path(serve: Serve, folders: Folders, path: str, method: str) -> None:
    answer = serve(folders.regression).call(method, path)
    assert answer.status == 404
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.message.startswith("ERROR: ")
    assert_standard_headers(answer)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/ping/", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/info", {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/predict/", {"POST", "OPTIONS"}),
        ("HEAD", "/predict/", {"POST", "OPTIONS"}),
        ("PUT", "/invocations", {"POST", "OPTIONS"}),
        ("PATCH", "/", {"GET", "HEAD", "OPTIONS"}),
    ],
)
def test_decision_05_wrong_method(
    serve: Serve, folders: Folders, method: str, path: str, allow: set[str]
) -> None:
    answer = serve(folders.regression).call(method, path)
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) == allow
    assert answer.headers["Content-Type"] == "application/json"
    if method != "HEAD":
        assert answer.message.startswith("ERROR: ")
    assert_standard_headers(answer)


@pytest.mark.parametrize("path", ["/", "/ping", "/info/", "/stats/", "/livez"])
def test_head_is_get_without_a_body(serve: Serve, folders: Folders, path: str) -> None:
    client = serve(folders.regression)
    answer = client.call("HEAD", path)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"
    assert_standard_headers(answer)


def test_head_announces_the_length_of_get(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression)
    assert client.call("HEAD", "/ping/").headers["Content-Length"] == "17"


@pytest.mark.parametrize(
    ("path", "allow"),
    [("/ping/", {"GET", "HEAD", "OPTIONS"}), ("/predict", {"POST", "OPTIONS"})],
)
def test_options_says_what_is_allowed(
    serve: Serve, folders: Folders, path: str, allow: set[str]
) -> None:
    answer = serve(folders.regression).call("OPTIONS", path)
    assert (answer.status, answer.body) == (200, b"")
    assert set(answer.headers["Allow"].split(", ")) == allow
    assert_standard_headers(answer)


# -- decision 7: headers


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ping/", 200),
        ("GET", "/info/", 200),
        ("POST", "/predict/", 422),
        ("GET", "/nowhere", 404),
        ("GET", "/predict/", 405),
    ],
)
def test_decision_07_headers_on_every_answer(
    serve: Serve, folders: Folders, method: str, path: str, status: int
) -> None:
    client = serve(folders.regression)
    answer = client.call(method, path)
    assert answer.status == status
    assert_standard_headers(answer)
    made = answer.headers["X-Request-ID"]
    assert uuid.UUID(made).version == 4
    assert client.call(method, path).headers["X-Request-ID"] != made


@pytest.mark.parametrize(("rows", "status"), [("out:x\n1\n", 200), ("a,b\nx,2\n", 500)])
def test_decision_07_headers_on_predictions(
    serve: Serve, folders: Folders, rows: str, status: int
) -> None:
    answer = serve(folders.echo_of("regression")).predict(rows)
    assert answer.status == status
    assert_standard_headers(answer)


@pytest.mark.parametrize("sent", ["x", "my-id", "{a:1}~!", "9" * 128])
@pytest.mark.parametrize("name", ["X-Request-Id", "x-request-id"])
def test_decision_07_incoming_id_is_honoured(
    serve: Serve, folders: Folders, sent: str, name: str
) -> None:
    answer = serve(folders.regression).call("GET", "/ping/", headers={name: sent})
    assert answer.headers["X-Request-ID"] == sent
    assert answer.headers["X_Request_ID"] == sent


@pytest.mark.parametrize("sent", ["", "two words", "tab\there", "9" * 129, "caf\xe9"])
def test_decision_07_odd_incoming_id_is_replaced(serve: Serve, folders: Folders, sent: str) -> None:
    answer = serve(folders.regression).call("GET", "/ping/", headers={"X-Request-Id": sent})
    assert answer.status == 200
    assert uuid.UUID(answer.headers["X-Request-ID"]).version == 4
    assert answer.headers["X_Request_ID"] == answer.headers["X-Request-ID"]


def test_user_error_header_is_absent_on_ordinary_answers(serve: Serve, folders: Folders) -> None:
    client = serve(folders.regression)
    for answer in (client.get("/ping/"), client.post("/predict/"), client.get("/nowhere")):
        assert "X-Drum-User-Http-Error" not in answer.headers


def test_decision_08_drum_server_names_the_running_server(
    serve: Serve, folders: Folders, front: Front
) -> None:
    assert serve(folders.regression).get("/info/").json()["drumServer"] == front.server_type
