"""Every example does what its README says, and score and server agree on it."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from datarobot_drum.drum.serving import routes
from datarobot_drum.drum.serving.gate import OPEN_OPERATIONS
from tests.contract.fronts import FRONTS, IN_PROCESS, Front
from tests.examples.conftest import EXAMPLES, NAMES, NEEDS, Example

TOKEN = "keep-this-secret"
# What the server itself asks no token of.
PROBES = [
    path
    for route in routes.ROUTES
    if route.operation in OPEN_OPERATIONS
    for path in routes.spellings(route.path)
]
# These answer on routes of their own.
OTHERS = ("penguins_transform", "unstructured_words")
PREDICTING = [
    pytest.param(name, marks=pytest.mark.slow) if name in NEEDS else name
    for name in NAMES
    if name not in OTHERS
]


def test_the_overview_names_every_folder():
    overview = (EXAMPLES / "README.md").read_text()
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert folders == set(NAMES), "an example without a README"
    assert [name for name in NAMES if f"]({name})" not in overview] == []


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras
@pytest.mark.parametrize("front", IN_PROCESS, indirect=True)
@pytest.mark.parametrize("name", PREDICTING)
def test_score_and_server_agree(name: str, front: Front, example):
    prepared: Example = example(name)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    answer = front.serve(prepared.served).post("/predict/", prepared.sample, "text/csv", headers)
    assert answer.status == 200, answer.body
    online = answer.json()["predictions"]
    scored = pd.read_csv(io.StringIO(prepared.scored))
    if isinstance(online[0], dict):
        online = pd.DataFrame(online)
        scored = scored[online.columns]
    else:
        online, scored = pd.Series(online), scored["Predictions"]
    assert online.to_numpy().tolist() == scored.to_numpy().tolist()


def test_penguins_knows_its_species(example):
    scored = pd.read_csv(io.StringIO(example("penguins_multiclass").scored))
    species = ["Adelie", "Adelie", "Chinstrap", "Gentoo", "Adelie", "Gentoo"]
    assert scored.idxmax(axis="columns").tolist() == species


def test_all_hooks_reads_scores_and_rounds(example):
    scored = pd.read_csv(io.StringIO(example("all_hooks").scored))
    # 4.30 + 2.80 x 3.5 + 0.65 x 12; a missing time counts as none; never below the start price.
    assert scored["Predictions"].tolist() == [21.9, 37.28, 7.37]
    assert scored["tariff"].tolist() == ["day", "night", "day"]


@pytest.mark.parametrize("front", IN_PROCESS, indirect=True)
def test_all_hooks_answers_a_mistake_with_its_own_text(front: Front, example):
    client = front.serve(example("all_hooks").served)
    answer = client.predict("km;minutes;tariff\n1;1;weekend\n")
    assert (answer.status, answer.message) == (422, "no such tariff: weekend")


@pytest.mark.parametrize("front", FRONTS, indirect=True)
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (None, 401),
        ("Bearer wrong", 401),
        (TOKEN, 401),
        ("Bearer käse", 401),
        (f"Bearer {TOKEN}", 200),
    ],
)
def test_token(front: Front, example, header: str | None, status: int):
    prepared: Example = example("token_authentication")
    headers = {} if header is None else {"Authorization": header}
    answer = front.serve(prepared.served).post("/predict/", prepared.sample, "text/csv", headers)
    assert answer.status == status
    if status == 401:
        assert answer.message == "ERROR: a valid token is needed"
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert "X-Request-ID" in answer.headers
    else:
        assert answer.predictions == [1.5, 4.0]


@pytest.mark.parametrize("front", FRONTS, indirect=True)
def test_probes_need_no_token_and_nothing_else_is_open(front: Front, example):
    client = front.serve(example("token_authentication").served)
    assert {path: client.get(path).status for path in PROBES} == dict.fromkeys(PROBES, 200)
    assert {client.get(path).status for path in ("/info/", "/stats/", "/nothing")} == {401}
