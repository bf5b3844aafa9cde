"""``drum score``: read a file, predict, write the predictions as CSV."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from datarobot_drum.drum.enum import TargetType
from datarobot_drum.drum.exceptions import DrumCommonException
from datarobot_drum.drum.logs import stdout_as_records
from datarobot_drum.drum.model.predictor import Predictor
from datarobot_drum.drum.scoring.output_file import check_output, write_output
from datarobot_drum.drum.scoring.score_file import score_file
from datarobot_drum.drum.settings import ScoreSettings, Settings

_STDOUT: Final = 1
_STDERR: Final = 2


def run(settings: Settings, load_predictor: Callable[[], Predictor]) -> None:
    """Score ``--input`` into ``--output``, whole or not at all, or onto stdout.

    What hooks and libraries print goes to stderr, so that stdout can be piped.

    Raises:
        UsageError: there is nowhere to write the predictions.
        DrumException: the model cannot be loaded, the input cannot be read, or the model failed.
    """
    score = settings.score
    check_output(score.output)
    started = time.monotonic()
    with _stdout_for_results_only():
        predictor = load_predictor()
        _check_unstructured_options(score, predictor.info.target_type)
        loaded = time.monotonic()
        write = score_file(predictor, score)
        predictor.close()
    write_output(write, score.output)
    if score.show_perf:
        done = time.monotonic()
        _report("Full time", done - started)
        _report("Init time (incl model loading)", loaded - started)
        _report("Run time (incl reading CSV)", done - loaded)


def _check_unstructured_options(score: ScoreSettings, target_type: TargetType) -> None:
    if target_type is TargetType.UNSTRUCTURED:
        return
    for option, value in (("--query", score.query), ("--content-type", score.content_type)):
        if value is not None:
            raise DrumCommonException(
                f"{option} argument can be used only with --target-type unstructured"
            )


@contextmanager
def _stdout_for_results_only() -> Iterator[None]:
    """Send everything that is written to stdout meanwhile, by C code too, to stderr."""
    sys.stdout.flush()
    saved = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    try:
        with stdout_as_records(sys.stderr):
            yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, _STDOUT)
        os.close(saved)


def _report(name: str, seconds: float) -> None:
    figure = f"{seconds:.2f}"
    sys.stderr.write(f"{name}:\n\tsec: min: {figure}; avg: {figure}; max: {figure}\n")
