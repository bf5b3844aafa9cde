"""What the examples of the target types answer, beyond agreeing with themselves."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest

from datarobot_drum.drum.prediction.payload.multipart import parse_multipart
from tests.contract.fronts import IN_PROCESS, Front
from tests.examples.conftest import Example

both_fronts = pytest.mark.parametrize("front", IN_PROCESS, indirect=True)


def column(prepared: Example, name: str = "Predictions") -> list[object]:
    return pd.read_csv(io.StringIO(prepared.scored))[name].tolist()


def test_the_odd_penguin_is_found(example):
    assert column(example("penguins_anomaly")) == [1, 1, -1]


def test_tumours_are_told_apart(example):
    scored = pd.read_csv(io.StringIO(example("breast_cancer_binary").scored))
    verdicts = scored.idxmax(axis="columns").tolist()
    assert verdicts == ["malignant", "benign", "malignant", "benign"]


def test_wines_may_have_several_labels_or_none(example):
    scored = pd.read_csv(io.StringIO(example("wine_multilabel").scored))
    assert (scored > 0.5).sum(axis="columns").tolist() == [2, 3, 0]


def test_places_lie_between_their_cities(example):
    assert column(example("cities_geopoint")) == ["POINT(10.6418 51.6042)", "POINT(7.4243 45.3797)"]


def test_questions_find_their_notes(example):
    prepared = example("notes_vectordatabase")
    assert [note[:14] for note in column(prepared)] == ["the office key", "the plants get"]
    assert all(0 < distance < 1 for distance in column(prepared, "distance"))


def test_the_task_knows_its_islands(example):
    biscoe, torgersen, unknown = column(example("custom_task_regression"))
    assert torgersen < unknown < biscoe


@both_fronts
def test_transformed_rows_are_those_of_score(front: Front, example):
    prepared = example("penguins_transform")
    answer = front.serve(prepared.served).post("/transform/", prepared.sample, "text/csv")
    assert answer.status == 200, answer.body
    parts = {p.name: p.data for p in parse_multipart(answer.body, answer.headers["Content-Type"])}
    online = pd.read_csv(io.BytesIO(parts["X.transformed"]))
    pd.testing.assert_frame_equal(online, pd.read_csv(io.StringIO(prepared.scored)))
    assert list(online.columns)[2:] == ["island_Biscoe", "island_Dream", "island_Torgersen"]
    assert not online.isna().any(axis=None)


@both_fronts
def test_words_are_counted(front: Front, example):
    prepared = example("unstructured_words")
    assert json.loads(prepared.scored) == {"model": 3, "server": 2}
    client = front.serve(prepared.served)
    answer = client.post("/predictUnstructured/?top=1", prepared.sample, "text/plain")
    assert (answer.json(), answer.headers["Content-Type"].split(";")[0]) == (
        {"model": 3},
        "application/json",
    )
    refused = client.post("/predictUnstructured/", b"\xff", "image/png")
    assert (refused.status, refused.message) == (415, "send text")


def ask(front: Front, prepared: Example, prompt: str, **more: object):
    body = {"model": "any", "messages": [{"role": "user", "content": prompt}], **more}
    client = front.serve(prepared.served)
    return client.post("/v1/chat/completions", json.dumps(body), "application/json")


@both_fronts
@pytest.mark.slow
def test_the_toy_chats(front: Front, example):
    prepared = example("toy_textgeneration")
    assert column(prepared) == ["has its answer the row", "waits until the row goes"]
    whole = ask(front, prepared, "a server").json()
    assert whole["choices"][0]["message"]["content"] == "waits until the row goes"
    streamed = ask(front, prepared, "a server", stream=True)
    assert streamed.headers["Content-Type"].startswith("text/event-stream")
    events = streamed.body.decode().split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
    words = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
    assert words == "waits until the row goes "
    models = front.serve(prepared.served).get("/v1/models")
    assert [model["id"] for model in models.json()["data"]] == ["toy"]


@both_fronts
@pytest.mark.slow
def test_the_agent_works_sums_out(front: Front, example):
    prepared = example("sums_agenticworkflow")
    assert column(prepared) == ["6 * 7 = 42", "I know sums only."]
    answer = ask(front, prepared, "tell me 9 / 2")
    assert answer.json()["choices"][0]["message"]["content"] == "9 / 2 = 4.5"
