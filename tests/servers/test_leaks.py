"""Secrets drawn for the run leave a real server by no way, in no spelling; nor can what holds line
ends forge a line of its log.
"""

from __future__ import annotations

import base64
import json
import random
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import spelled
from tests.servers.harness import Server, eventually, running_server
from tests.servers.otlp import Receiver, receiver

pytestmark = pytest.mark.servers

CUSTOM = """
import json, logging, pathlib, subprocess, sys, threading, warnings

from datarobot_drum import CustomHTTPError
from opentelemetry import trace

FORMS = json.loads((pathlib.Path(__file__).parent / "forms.json").read_text())


def load_model(code_dir):
    # It ends when nobody holds the other end any more.
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", "--api-key", "abc", *FORMS]
    load_model.child = subprocess.Popen(command, stdin=subprocess.PIPE)
    tell(FORMS[0])
    return "model"


def fail(form):
    raise RuntimeError(f"in a thread: {form}")


def tell(form):
    logging.getLogger("theirs").warning("logged: %s", form)
    logging.getLogger("theirs").warning("%d", form)
    warnings.warn(form)
    print("printed:", form, flush=True)
    print("printed:", form, file=sys.stderr)
    sys.stdout.buffer.write(form.encode() + b"\\n")
    thread = threading.Thread(target=fail, args=(form,))
    thread.start()
    thread.join()
    with trace.get_tracer("theirs").start_as_current_span(f"span {form}") as span:
        span.set_attribute("form", form)
        span.add_event(form, {"forms": [form]})


def score(data, model, **kwargs):
    form = FORMS[int(data["form"][0])]
    tell(form)
    if data["how"][0] == 1:
        raise CustomHTTPError(f"it was {form}", 418)
    raise KeyError(form)
"""
FORGED = "\n2026-11-28 09:15:02,000 INFO drum:  forged\r\x1b[2J\x85\u2028 forged too"
PASSING = ("flask", False), ("gunicorn", True), ("fastapi", False)


class Drawn(NamedTuple):
    token: str
    password: str
    key: str
    number: int

    def all(self) -> list[str]:
        return [self.token, self.password, self.key, str(self.number)]


class Asked(NamedTuple):
    """What a server has told, by way."""

    drawn: Drawn
    answers: list[bytes]
    out: str
    err: str
    titles: str
    exported: str


@pytest.fixture(scope="module", params=PASSING, ids=["flask", "gunicorn-json", "fastapi"])
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    server_type, as_json = request.param
    draw = random.Random(f"{spelled.seed()} {server_type}")
    drawn = Drawn(
        spelled.drawn(draw, spelled.PLAIN),
        spelled.drawn(draw),
        spelled.drawn_lines(draw),
        draw.randrange(10**11, 10**12),
    )
    forms = [form for secret in drawn.all() for form in spelled.spellings(secret)]
    folder = model_folder(tmp_path_factory.mktemp("model"), forms, drawn)
    variables = {"THEIR_PWD": drawn.password, "SOME_KEY": drawn.key}
    params = {"DRUM_AUTH_TOKEN": drawn.token, "DRUM_JSON_LOGGING": as_json}
    credential = {"credentialType": "x", "numbers": [{"account": drawn.number}]}
    with receiver() as inbox:
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = inbox.url
        variables["MLOPS_RUNTIME_PARAM_C"] = json.dumps(
            {"type": "credential", "payload": credential}
        )
        with running_server(folder, server_type, env=variables, params=params) as server:
            answers = list(talk(server, drawn, len(forms)))
            titles = titles_of(server)
            server.stop()
            out, err = server.stdout(), server.stderr()
        eventually(lambda: inbox.spans())
        return Asked(drawn, answers, out, err, titles, exported(inbox))


def model_folder(folder: Path, forms: list[str], drawn: Drawn) -> Path:
    (folder / "custom.py").write_text(CUSTOM)
    (folder / "forms.json").write_text(json.dumps([*forms, FORGED]))
    definition = {
        "fieldName": "C",
        "type": "credential",
        "defaultValue": {"credentialType": "x", "password": drawn.password},
    }
    metadata = {"targetType": "regression", "runtimeParameterDefinitions": [definition]}
    (folder / "model-metadata.yaml").write_text(json.dumps(metadata))
    return folder


def talk(server: Server, drawn: Drawn, forms: int) -> Iterator[bytes]:
    def ask(path: str, body: bytes | None = None, **headers: str) -> bytes:
        given = {"Authorization": f"Bearer {drawn.token}", "Content-Type": "text/csv", **headers}
        return server.send(urllib.request.Request(server.url + path, body, given), 30)[1]

    for form in range(forms + 1):
        yield ask("/predict/", b"form,how\n%d,%d\n" % (form, form % 2))
    for path in ("/info/", "/stats/", "/capabilities/", "/metrics"):
        yield ask(path)
    given = (drawn.token, drawn.password)
    for form in [form for secret in given for form in spelled.spellings(secret)]:
        # As URLs and headers may hold it.
        plain = form.encode("ascii", "ignore").decode()
        sent = "".join(sign for sign in plain if sign.isprintable() and sign != " ")
        user = base64.b64encode(f"{form}:x".encode()).decode()
        shown = {"Referer": f"http://x/{sent}", "User-Agent": sent, "X-Request-ID": sent[:128]}
        ask(f"/livez?{sent}", **shown, Authorization=f"Basic {user}")


def titles_of(server: Server) -> str:
    """Command lines and titles of the server's processes, which a hook's children are not."""
    pids = [server.process.pid, *server.workers()]
    own = [Path(f"/proc/{pid}") for pid in pids]
    texts = [
        (folder / "cmdline").read_bytes() + b"\n" + (folder / "comm").read_bytes()
        for folder in own
        if b"--api-key" not in (folder / "cmdline").read_bytes()
    ]
    return b"\n".join(texts).decode(errors="replace")


def exported(inbox: Receiver) -> str:
    """All texts that came in, as they are."""

    def texts(message: Any) -> Iterator[str]:
        for field, value in message.ListFields():
            many = value if hasattr(value, "append") or hasattr(value, "add") else [value]
            for each in many:
                if field.message_type is not None:
                    yield from texts(each)
                elif isinstance(each, str):
                    yield each

    return "\n".join(text for _, _, message in inbox.received for text in texts(message))


def test_no_secret_leaves(asked: Asked) -> None:
    ways = asked._asdict() | {"answers": b"\n".join(asked.answers).decode()}
    drawn = ways.pop("drawn")
    # As records hold it, and as a reader of JSON gets it.
    ways |= {f"{way}, read": plain_text(ways[way]) for way in ("answers", "out", "err")}
    for way, text in ways.items():
        for secret in drawn.all():
            found = spelled.leaks(secret, text)
            assert not found, (way, secret, found, spelled.repeat_with())
    # There was something to be hidden.
    for way in ("answers", "out", "err", "exported"):
        assert "*****" in ways[way], way


def plain_text(text: str) -> str:
    """JSON's texts in lines of JSON."""
    found: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                collect(item)

    for line in text.splitlines():
        try:
            collect(json.loads(line))
        except ValueError:
            continue
    return "\n".join(found)


RECORD = re.compile(
    r"(\{.*\}|\d{4}-\d\d-\d\d [\d:,]+ [A-Z]+ \S+:  .*|  .*|printed: .*|127\.0\.0\.1 .*)"
)


def test_nothing_forges_a_line(asked: Asked) -> None:
    for line in asked.err.split("\n"):
        # What a model prints is a line of its own, and said to be nothing else.
        if line.startswith(("2026-11-28", "\x1b", "printed")) or not line:
            continue
        assert RECORD.fullmatch(line) and line.isprintable(), line
    logged = [line for line in asked.err.split("\n") if "logged" in line and "forged" in line]
    assert logged and all("\\n2026" in line or "\\u2028" in line for line in logged)


def test_command_lines_of_children_are_shown_without_their_keys(asked: Asked) -> None:
    stats = next(answer for answer in asked.answers if b"drum_info" in answer)
    lines = [process["cmdline"] for process in json.loads(stats)["drum_info"]]
    children = [line for line in lines if "--api-key" in line]
    for line in children:
        assert line[line.index("--api-key") + 1] == "*****"
    assert any("server" in line for line in lines)
