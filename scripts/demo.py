"""Train, serve and ask the penguins example: what `scripts/demo` shows."""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "penguins_multiclass"
SAMPLE = EXAMPLE / "sample.csv"
SERVER = "fastapi"
START_SECONDS = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="go on serving until Ctrl+C")
    keep = parser.parse_args().keep

    heading("1. Train", "a scikit-learn pipeline, on real data with text and missing values")
    subprocess.run([sys.executable, str(EXAMPLE / "train.py")], check=True)

    port = free_port()
    address = f"127.0.0.1:{port}"
    folder = show_path(EXAMPLE)
    heading("2. Serve", "a folder, on the server that DRUM_SERVER_TYPE names")
    print(f"MLOPS_RUNTIME_PARAM_DRUM_SERVER_TYPE={SERVER} \\")
    print(f"  {show_path(drum())} server --code-dir {folder} --address {address}")
    server = start(address)
    try:
        wait_until_ready(server, port)
        heading("3. Ask", f"POST {SAMPLE.name} to http://{address}/predict/")
        show(predict(port))
        heading("The same from a shell", "")
        print(f"curl -F X=@{show_path(SAMPLE)} http://{address}/predict/")
        if keep:
            print("\nServing until Ctrl+C ...", flush=True)
            server.wait()
    except KeyboardInterrupt:
        pass
    finally:
        stop(server)
    if not keep:
        print("\nStopped. scripts/demo --keep goes on serving.")
    return 0


def heading(title: str, text: str) -> None:
    print(f"\n{title}: {text}" if text else f"\n{title}:", flush=True)


def show_path(path: Path) -> str:
    """Relative to where the user stands, when it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def drum() -> Path:
    return Path(sys.executable).parent / "drum"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(address: str) -> subprocess.Popen[bytes]:
    # Quiet, so that what is shown here stays readable.
    parameters = {"DRUM_SERVER_TYPE": SERVER, "DRUM_UVICORN_LOG_LEVEL": "warning"}
    variables = {f"MLOPS_RUNTIME_PARAM_{name}": value for name, value in parameters.items()}
    environment = {**os.environ, **variables}
    command = [sys.executable, "-m", "datarobot_drum", "server"]
    command += ["--code-dir", str(EXAMPLE), "--address", address]
    # Its own group: Ctrl+C reaches this script, which then stops the server in order.
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True
    )


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if ask(port, "GET", "/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    sys.exit("The server did not start; its own words are above.")


def predict(port: int) -> list[dict[str, float]]:
    status, body = ask(port, "POST", "/predict/", SAMPLE.read_bytes(), {"Content-Type": "text/csv"})
    if status != 200:
        sys.exit(f"The server answered {status}: {body.decode()}")
    answer: dict[str, Any] = json.loads(body)
    return list(answer["predictions"])


def ask(port: int, method: str, path: str, *request: Any) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, *request)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def show(predictions: list[dict[str, float]]) -> None:
    """One line a row: what was sent, and the probability of each species."""
    labels = list(predictions[0])
    shown = ["bill_length_mm", "body_mass_g", "island", "sex"]
    header = [f"{name:>14}" for name in shown] + [f"{label:>10}" for label in labels]
    print("".join(header) + "   so it is")
    with SAMPLE.open() as file:
        for row, scores in zip(csv.DictReader(file), predictions, strict=True):
            cells = [f"{row[name] or '-':>14}" for name in shown]
            cells += [f"{scores[label]:>10.3f}" for label in labels]
            print("".join(cells) + f"   {max(scores, key=scores.__getitem__)}")


def stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
    try:
        server.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    sys.exit(main())
