"""For compatibility: a model folder loaded in the caller's own process."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from argparse import Namespace
from collections.abc import Iterator, Sequence

from datarobot_drum.drum.command_line import arguments
from datarobot_drum.drum.enum import ArgumentsOptions as Args
from datarobot_drum.drum.exceptions import UsageError
from datarobot_drum.drum.model.local import build_predictor
from datarobot_drum.drum.root_predictors.inline_predictor import InlinePredictor
from datarobot_drum.drum.settings import Settings
from datarobot_drum.runtime_parameters import RuntimeParameters
from datarobot_drum.runtime_parameters.loader import load_defaults, load_values_file


@contextlib.contextmanager
def drum_inline_predictor(
    target_type: str, custom_model_dir: str, target_name: str, *cmd_args: str
) -> Iterator[InlinePredictor]:
    """Load a model folder and hand out its predictor; nothing of the host is left changed.

    ``TARGET_NAME`` and the model's runtime parameters are in the environment inside the block
    only. The host's own command line and its logging are not looked at.

    Args:
        target_type: a value of ``--target-type``.
        target_name: what ``TARGET_NAME`` is inside the block.
        cmd_args: more words as ``drum score`` takes them, e.g. ``"--class-labels", "a", "b"``.

    Raises:
        UsageError: an option cannot be used.
        DrumException: the folder cannot be loaded; the text says why.
    """
    words = [Args.CODE_DIR, str(custom_model_dir), Args.TARGET_TYPE, target_type, *cmd_args]
    with _own_variables():
        os.environ["TARGET_NAME"] = target_name
        options = _parse(words)
        if options.runtime_params_file is None:
            load_defaults(options.code_dir)
        else:
            load_values_file(options.runtime_params_file, options.code_dir)
        predictor = InlinePredictor(build_predictor(Settings.from_options(options).model))
        try:
            yield predictor
        finally:
            predictor.terminate()


def _parse(words: Sequence[str]) -> Namespace:
    """The options of a ``drum score`` that has an input nobody will read."""
    said = io.StringIO()
    with tempfile.NamedTemporaryFile() as unread:
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                return arguments.parse([Args.SCORE, Args.INPUT, unread.name, *words], os.environ)
        except SystemExit as error:
            # A host must not be ended by an option of the model.
            raise UsageError(said.getvalue().rpartition("error: ")[2].strip()) from error


@contextlib.contextmanager
def _own_variables() -> Iterator[None]:
    """Undo what happens to ``TARGET_NAME`` and the runtime parameters inside the block."""
    before = _variables()
    try:
        yield
    finally:
        for name in _variables().keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _variables() -> dict[str, str]:
    prefix = RuntimeParameters.PARAM_PREFIX
    return {
        name: value
        for name, value in os.environ.items()
        if name == "TARGET_NAME" or name.startswith(prefix)
    }
