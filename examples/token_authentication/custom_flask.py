"""Refuse requests that do not carry the token. Used by the servers flask and gunicorn."""

import secrets

from flask import Flask, Response, jsonify, request

from datarobot_drum import RuntimeParameters

# Probes of the platform come without a token.
PROBES = ("ping", "health", "livez", "readyz", "v2_live", "v2_ready")
OPEN = {f"model_api.{name}" for name in PROBES}


def init_app(app: Flask) -> None:
    expected = f"Bearer {RuntimeParameters.get('API_TOKEN')}".encode()

    @app.before_request
    def check_token() -> tuple[Response, int, dict[str, str]] | None:
        given = request.headers.get("Authorization", "").encode()
        # compare_digest takes the same time wherever the first difference is.
        if request.endpoint in OPEN or secrets.compare_digest(given, expected):
            return None
        refusal = jsonify(message="ERROR: a valid token is needed")
        return refusal, 401, {"WWW-Authenticate": "Bearer"}
