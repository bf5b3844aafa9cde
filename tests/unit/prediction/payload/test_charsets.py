"""Names of charsets that clients send."""

from __future__ import annotations

import encodings
import pkgutil

import pytest

from datarobot_drum.drum.exceptions import PayloadError
from datarobot_drum.drum.prediction.messages import PredictRequest
from datarobot_drum.drum.prediction.payload.charsets import decode_text
from datarobot_drum.drum.prediction.payload.multipart import parse_multipart
from datarobot_drum.drum.prediction.payload.unstructured import read_unstructured

TEXT = "Grüße, 7"


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF8", "Latin-1", "iso8859_15", "ISO_8859-1:1987", "utf-16", "cp1252"]
)
def test_charsets_go_by_all_their_names(name: str) -> None:
    assert decode_text(TEXT.encode(name), name) == TEXT


@pytest.mark.parametrize("name", ["utf 8", "U8", "windows-1252", "Big5-HKSCS", "x.y", "base64"])
def test_a_name_is_known_where_python_knows_it(name: str) -> None:
    try:
        wanted = b"abc".decode(name)
    except LookupError:
        with pytest.raises(LookupError):
            decode_text(b"abc", name)
    else:
        assert decode_text(b"abc", name) == wanted


def test_all_codecs_of_python_are_known_but_those_of_host_names() -> None:
    for module in pkgutil.iter_modules(encodings.__path__):
        try:
            wanted = b"abc".decode(module.name)
        except (LookupError, ValueError):
            continue
        if module.name not in ("idna", "punycode"):
            assert decode_text(b"abc", module.name) == wanted


@pytest.mark.parametrize("name", ["idna", "IDNA", "punycode", "Puny-Code", "no-such", "x" * 60_000])
def test_other_charsets_are_the_clients_mistake(name: str) -> None:
    request = PredictRequest(b"xn--9" * 20, f"text/plain; charset={name}")
    with pytest.raises(PayloadError, match="unknown encoding"):
        read_unstructured(request)


def test_unknown_names_are_not_kept() -> None:
    kept: dict[str, object] = vars(encodings)["_cache"]
    before = {*kept}
    for name in ("no-such-charset-1", "no-such-charset-2", "y" * 5000):
        with pytest.raises(LookupError):
            decode_text(b"abc", name)
    assert {*kept} == before


@pytest.mark.parametrize("name", ["idna", "undefined", "punycode", "no-such"])
def test_a_file_name_in_such_a_charset_does_not_fail_the_request(name: str) -> None:
    disposition = f'form-data; name="X"; filename="a.mtx"; filename*={name}\'\'%ff.csv'
    body = f"--b\r\nContent-Disposition: {disposition}\r\n\r\nx\r\n--b--\r\n".encode()
    (part,) = parse_multipart(body, "multipart/form-data; boundary=b")
    assert part.filename == "a.mtx"
