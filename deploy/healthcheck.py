"""Asks the server in this container whether it is alive: status 0 if it is. Needs no package.

`python healthcheck.py [PATH]`, by default /livez. Goes by the variables that the server goes by:
ADDRESS, URL_PREFIX, and TLS where MLOPS_RUNTIME_PARAM_DRUM_SSL_CERTFILE is set. Where the server
asks for client certificates (DRUM_SSL_CERT_REQS=required), HEALTHCHECK_CERTFILE names a PEM file
with one and its key.
"""

import http.client
import os
import ssl
import sys

SECONDS = 2
CERTIFICATE = "MLOPS_RUNTIME_PARAM_DRUM_SSL_CERTFILE"


def status(path: str) -> int:
    port = int(os.environ.get("ADDRESS", "").rpartition(":")[2] or 8080)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    if os.environ.get(CERTIFICATE):
        # The certificate is for the name that clients use, not for this address.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if os.environ.get("HEALTHCHECK_CERTFILE"):
            context.load_cert_chain(os.environ["HEALTHCHECK_CERTFILE"])
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=SECONDS, context=context
        )
    connection.request("GET", os.environ.get("URL_PREFIX", "").rstrip("/") + path)
    return connection.getresponse().status


if __name__ == "__main__":
    answered = status(sys.argv[1] if len(sys.argv) > 1 else "/livez")
    sys.exit(0 if answered == http.HTTPStatus.OK else f"status {answered}")
