"""The same requests to all fronts: the same statuses, bodies and headers, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.contract import hooks
from tests.contract.chat_folder import listing
from tests.contract.clients import BOUNDARY, Answer, file_part, multipart
from tests.contract.folders import Folder, Folders
from tests.contract.fronts import FRONTS, Front, ServerProcesses

pytestmark = pytest.mark.servers

CSV_TYPE = (("Content-Type", "text/csv"),)
FORM = f"multipart/form-data; boundary={BOUNDARY}"
# What belongs to a request, a connection or one kind of server.
NOT_COMPARED = {
    *("connection", "date", "server", "transfer-encoding", "keep-alive"),
    *("x-request-id", "x_request_id", "content-length"),
}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = field(default=())

    def __str__(self) -> str:
        kind = dict(self.headers).get("Content-Type", "")
        return f"{self.method} {self.path} {kind} {self.body[:40]!r}"


def post(path: str, body: str | bytes, content_type: str | None = "text/csv") -> Request:
    data = body.encode() if isinstance(body, str) else body
    headers = (("Content-Type", content_type),) if content_type is not None else ()
    return Request("POST", path, data, headers)


def common() -> list[Request]:
    """What any model is asked."""
    paths = ["/", "/ping", "/health/", "/livez", "/readyz", "/info/", "/capabilities", "/models"]
    paths += ["/predict/", "/nowhere", "/ping//", "/predict/x", "/nim/x", "/%2e%2e/x", "/PING"]
    requests = [Request(method, path) for path in paths for method in ("GET", "HEAD", "OPTIONS")]
    requests += [
        Request(method, "/ping/") for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE")
    ]
    requests += [Request("GET", "/ping/", headers=(("X-Request-Id", "my-id"),))]
    for path in ("/predict/", "/transform/", "/predictUnstructured/", "/invocations"):
        requests += [
            Request("POST", path),
            post(path, "a,b\n1,2\n3,4\n"),
            post(path, "a,b\n1,2\n3,4\n", None),
            post(path, "a,b\n1,2\n1,2,3\n"),
            post(path, b"\xff\xfe\x00"),
            post(path, b"\x00" * 100, "application/octet-stream"),
            post(path, "a=1&b=2", "application/x-www-form-urlencoded"),
            post(path, multipart(file_part("X", "a,b\n1,2\n", "x.csv")), FORM),
            post(path, multipart(file_part("X", "a,b\n1,2\n")), FORM),
            post(path, multipart(file_part("X", "", "x.csv")), FORM),
            post(path, b"--the-bound", FORM),
            post(path, b"--x", "multipart/form-data"),
            post(path, "[1, 2", "application/json"),
            post(path, "x", ";;;"),
        ]
    for path in ("/chat/completions", "/v1/chat/completions", "/directAccess/v1/x"):
        requests += [
            post(path, '{"messages": []}', "application/json"),
            post(path, "{", "application/json"),
            post(path, "x", "text/plain"),
        ]
    return requests


def structured() -> list[Request]:
    """What the echo of a regression model is asked."""
    rows = [
        "out:Predictions\n1.5\n1e-300\n0.1\n",
        "out:v\ninf\nNaN\n7\n",
        "out:v,out:w\n1,2\n",
        "out:Predictions,out:w\n1,caf\u00e9 / \U0001f600\n",
        "out:v\ntext\n",
        "out:v\n",
    ]
    actions = ["raise", "http", "http_default", "teapot", "list", "none", "fewer", "more"]
    actions += ["odd_index", "nested", "moment", "strings"]
    rows += [f"out:Predictions,out:w,do\n1,2,score:{action}\n3,4,\n" for action in actions]
    return [post("/predict/", text) for text in rows]


def unstructured() -> list[Request]:
    returns = ["str", "bytes", "none", "csv", "latin", "both", "png", "dict", "triple", "raise"]
    returns += ["http", "bad%20request", "starlette", "bad%20pair", "none%20none"]
    return [
        *(post(f"/predictUnstructured/?return={name}", "x") for name in returns),
        post("/predictUnstructured", b"\xe9", "text/plain; charset=latin-1"),
        post("/predictionsUnstructured/", b"\xe9", "text/plain"),
    ]


def transform() -> list[Request]:
    return [
        post("/transform/", f"out:p,out:q,do\n1,0,transform:{action}\n0,2,\n")
        for action in ("raise", "list", "tuple", "fewer", "http")
    ]


def formats() -> list[Request]:
    """What else rows come in, and go out as."""
    rows = ['[{"a":1,"b":2},{"a":null,"b":4}]', '{"columns":["b","a"],"data":[[2,1]]}']
    rows += ['{"dataframe_split":{"columns":["a","b"],"data":[[1,2]]}}', '{"instances":[[1,2]]}']
    rows += ['{"dataframe_records":[{"a":1,"b":2}]}', "[]", "{}", "[1]", "[NaN]"]
    accepted = [
        "text/csv",
        "application/vnd.apache.arrow.stream",
        "text/csv;q=0.1, */*",
        "image/png",
    ]
    return [
        *(post("/predict/", text, "application/json") for text in rows),
        *(
            Request("POST", "/predict/", b"a,b\n1,2\n", (*CSV_TYPE, ("Accept", accept)))
            for accept in accepted
        ),
        post("/predict/", b"ARROW1", "application/vnd.apache.arrow.stream"),
        post("/predict/", b"PAR1", "application/vnd.apache.parquet"),
        post("/predict/", "%%MatrixMarket matrix coordinate real\n", "text/mtx"),
        Request("POST", "/predict/", b"a,b\n1,2\n", (*CSV_TYPE, ("Content-Encoding", "gzip"))),
    ]


def open_inference() -> list[Request]:
    model = "/v2/models/regression"
    paths = [
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        model,
        f"{model}/ready",
        f"{model}/infer",
    ]
    paths += [f"{model}/versions/1", f"{model}/versions/2/ready", "/v2/models/other", "/v2/models"]
    one = '{"name":"i","shape":[1,2],"datatype":"FP64","data":[1,2]}'
    bodies = ['{"inputs":[%s]}', '{"id":"7","inputs":[%s],"outputs":[{"name":"Predictions"}]}']
    bodies += ['{"inputs":[%s],"parameters":{"binary_data_output":true}}', '{"inputs":[%s,%s]}']
    texts = [body.replace("%s", one) for body in bodies]
    texts += ['{"inputs":[]}', "{", "[]", one, texts[0].replace("FP64", "FP8")]
    return [
        *(Request(method, path) for path in paths for method in ("GET", "HEAD")),
        *(post(f"{model}/infer", text, "application/json") for text in texts),
        post("/v2/models/other/infer", texts[0], "application/json"),
    ]


def chat() -> list[Request]:
    said = ["say:h\u00e9 / \U0001f600", "usage", "nothing", "stream:a \u00e9", "list:a b", "empty"]
    said += ["stream_fail:a", "stream_http:a", "first_fail", "first_http", "dict", "text", "number"]
    said += ["async_say:a", "async_stream:a b", "async_stream_fail:a", "async_fail", "async_http"]
    said += ["raise:boom", "http:no", "params", "async_exit", "stream_exit:a"]
    bodies = [
        json.dumps({"messages": [{"content": text}], "datarobot_association_id": "my-id"})
        for text in said
    ]
    return [
        *(post("/v1/chat/completions", body, "application/json") for body in [*bodies, "{}", "[]"]),
        Request("GET", "/models"),
        Request("GET", "/v1/models/"),
        post("/predict/", "a\n1\n"),
    ]


def deployment() -> list[Request]:
    rows = ["out:no,out:yes\n0.25,0.75\n0.5,0.5\n", "out:no,out:yes,out:why\n0.25,0.75,caf\u00e9\n"]
    rows += ["out:no,out:yes\n0.25,0.7\n", "out:no,out:other\n0.25,0.75\n", "out:no,out:yes\n"]
    return [post("/predict/", text) for text in rows]


def configured(folders: Folders) -> Folder:
    target = {"class_mapping": [["yes", 1], ["no", 0]], "name": "t", "prediction_threshold": 0.5}
    files = {"config.json": json.dumps({"target": target})}
    config = str(folders.make("deployment", files).path / "config.json")
    return folders.echo_of("binary").with_args("--deployment-config", config)


Make = Callable[[Folders], Folder]
SETS: dict[str, tuple[Make, list[Request]]] = {
    "artifact": (
        lambda folders: folders.regression,
        common() + formats() + open_inference(),
    ),
    "labels": (lambda folders: folders.multiclass, [post("/predict/", "a,b\n1,2\n3.3,9\n")]),
    "echo": (lambda folders: folders.echo_of("regression"), structured()),
    "unstructured": (
        lambda folders: folders.make("unstructured", {"custom.py": hooks.UNSTRUCTURED}).of_type(
            "unstructured"
        ),
        common() + unstructured(),
    ),
    "transform": (
        lambda folders: folders.make("transform", {"custom.py": hooks.TRANSFORM}).of_type(
            "transform"
        ),
        transform(),
    ),
    "chat": (listing, chat()),
    "deployment": (configured, deployment()),
    "failed": (
        lambda folders: (
            folders.make("nothing", {"README": ""})
            .of_type("regression")
            .with_args("--with-error-server")
        ),
        common(),
    ),
}


@pytest.fixture(scope="module", params=SETS)
def answers(
    request: pytest.FixtureRequest, folders: Folders, processes: ServerProcesses
) -> Iterator[tuple[list[Request], dict[str, list[Answer]]]]:
    """The answers of every front to the requests of one set."""
    make, requests = SETS[request.param]
    folder = make(folders)
    fronts = [Front(name, processes) for name in FRONTS]
    try:
        with ThreadPoolExecutor(2) as pool:
            # Only real servers may start side by side: the others share this environment.
            list(pool.map(lambda front: front.serve(folder), fronts[2:]))
        yield requests, {front.name: ask(front, folder, requests) for front in fronts}
    finally:
        for front in fronts:
            front.close()


def ask(front: Front, folder: Folder, requests: list[Request]) -> list[Answer]:
    client = front.serve(folder)
    return [
        client.call(each.method, each.path, body=each.body, headers=dict(each.headers))
        for each in requests
    ]


Answers = tuple[list[Request], dict[str, list[Answer]]]


def differing(answers: Answers, view: Callable[[Answer], Any]) -> list[str]:
    """The requests whose answers look different on some front, and how."""
    requests, by_front = answers
    found = []
    for position, request in enumerate(requests):
        views = {name: view(given[position]) for name, given in by_front.items()}
        if any(seen != views["flask"] for seen in views.values()):
            found.append(f"{request}: {views}")
    return found


def test_statuses(answers: Answers) -> None:
    assert differing(answers, lambda answer: int(answer.status)) == []


def body_of(answer: Answer) -> Any:
    """The body, without what names the server or the headers that the client has sent."""
    if b'"drumServer"' not in answer.body and b'"headers type"' not in answer.body:
        return answer.body
    content = json.loads(answer.body)
    return {name: value for name, value in content.items() if name not in ("drumServer", "headers")}


def test_bodies(answers: Answers) -> None:
    assert differing(answers, body_of) == []


def headers_of(answer: Answer) -> Any:
    """Name and value of the headers that matter; the methods in Allow have no order."""
    return sorted(
        (name, sorted(value.split(", ")) if name == "allow" else value)
        for name, value in answer.headers.lines
        if name not in NOT_COMPARED
    )


def test_headers(answers: Answers) -> None:
    assert differing(answers, headers_of) == []


def test_lengths(answers: Answers) -> None:
    """Where a length is told it is that of the body, or of GET's body."""
    requests, by_front = answers
    wrong = [
        f"{name} {request}"
        for name, given in by_front.items()
        for request, answer in zip(requests, given, strict=True)
        if request.method != "HEAD" and "Content-Length" in answer.headers
        if int(answer.headers["Content-Length"]) != len(answer.body)
    ]
    assert wrong == []


def test_request_ids(answers: Answers) -> None:
    """Both spellings, on every answer."""
    _, by_front = answers
    for name, given in by_front.items():
        for answer in given:
            ids = answer.headers.all("X-Request-ID"), answer.headers.all("X_Request_ID")
            assert ids[0] == ids[1], name
            assert len(ids[0]) == 1, name
