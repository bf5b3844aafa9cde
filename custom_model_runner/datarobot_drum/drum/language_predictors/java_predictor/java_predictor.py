"""For compatibility only: Java is not served, and templates that import this are told so."""

from __future__ import annotations

from typing import Any, Final, NoReturn

from datarobot_drum.drum.exceptions import DrumCommonException

NOT_SERVED: Final = (
    "This version serves Python models only: JavaPredictor cannot load scoring code. "
    "Serve the model with a version that has the Java runtime, or export it to ONNX."
)


class JavaPredictor:
    """The name that scoring-code templates import; every use is refused."""

    def configure(self, params: Any) -> NoReturn:
        """Refuse to load anything.

        Raises:
            DrumCommonException: always.
        """
        raise DrumCommonException(NOT_SERVED)

    def predict(self, **kwargs: Any) -> NoReturn:
        """Refuse to predict.

        Raises:
            DrumCommonException: always.
        """
        raise DrumCommonException(NOT_SERVED)
