"""The keys of ``model-metadata.yaml``; the reader and ``docs/metadata.md`` are made from them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from datarobot_drum.drum.enum import TargetType

NONE: Final = "none"
_BINARY: Final = (TargetType.BINARY,)
_LABELLED: Final = (TargetType.MULTICLASS, TargetType.MULTILABEL)
_SHOWN: Final = "For the platform; here `/info/` shows it, and that is all."


class Kind(Enum):
    """What a value is; the text is the documents'."""

    TEXT = "text, as it is written"
    TRUTH = "true or false"
    NUMBER = "a number"
    SHARE = "a number from 0 to 1"
    TEXTS = "a list of texts"
    PART = "a mapping"
    PARTS = "a list of mappings"
    ANYTHING = "any YAML"


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        help: a sentence or two.
        targets: the target types that it acts on; empty for all.
        keys: those of a mapping, or of each mapping of a list.
    """

    name: str
    kind: Kind
    help: str
    required: bool = False
    default: str = NONE
    targets: tuple[TargetType, ...] = ()
    keys: tuple[Key, ...] = ()


_VALIDATION: Final = (
    Key("input", Kind.TEXT, _SHOWN, required=True),
    Key("targetName", Kind.TEXT, _SHOWN),
)
_INFERENCE: Final = (
    Key(
        "targetName",
        Kind.TEXT,
        "Shown by `/info/`. What the column of predictions is called is said by the variable "
        "`TARGET_NAME`.",
    ),
    Key(
        "positiveClassLabel",
        Kind.TEXT,
        "The label whose probability a single number is; needed with `type: inference`.",
        default="`--positive-class-label`",
        targets=_BINARY,
    ),
    Key(
        "negativeClassLabel",
        Kind.TEXT,
        "The other label; needed with `type: inference`.",
        default="`--negative-class-label`",
        targets=_BINARY,
    ),
    Key(
        "classLabels",
        Kind.TEXTS,
        "Two labels or more, in the order of the model's outputs where these have no names. This "
        "or `classLabelsFile` is needed with `type: inference`.",
        default="`--class-labels`",
        targets=_LABELLED,
    ),
    Key(
        "classLabelsFile",
        Kind.TEXT,
        "In place of `classLabels` a file with a label on each line, in the model folder; its path "
        "counts from there or from the working directory. `DRUM_FILES_OUTSIDE_FOLDER` lets it lie "
        "elsewhere.",
        default="`--class-labels-file`",
        targets=_LABELLED,
    ),
    Key(
        "predictionThreshold",
        Kind.SHARE,
        "Checked and shown by `/info/`. Answers in the form of a prediction server take theirs "
        "from `--deployment-config`.",
    ),
)
_CREDENTIALS: Final = (
    Key("key", Kind.TEXT, _SHOWN, required=True),
    Key("valueFrom", Kind.TEXT, _SHOWN, required=True),
    Key("reminder", Kind.TEXT, _SHOWN),
)
# Read by `runtime_parameters.definitions`, which has more to say about each.
DEFINITION: Final = (
    Key("fieldName", Kind.TEXT, "The name that `RuntimeParameters.get` takes.", required=True),
    Key(
        "type",
        Kind.TEXT,
        "`string`, `numeric`, `boolean`, `credential` or `deployment`.",
        required=True,
    ),
    Key("defaultValue", Kind.ANYTHING, "What counts where nothing is given."),
    Key("minValue", Kind.NUMBER, "For `numeric`: the least value."),
    Key("maxValue", Kind.NUMBER, "For `numeric`: the greatest value."),
    Key(
        "allowEmpty",
        Kind.TRUTH,
        "Where it is `false`, a parameter without value and default stops the start.",
        default="`true`",
    ),
)

KEYS: Final = (
    Key("name", Kind.TEXT, "The model's name, for people.", default="the folder's name"),
    Key(
        "type",
        Kind.TEXT,
        "Where `inference` is written, the labels that the target type needs are too.",
        default="`inference`",
    ),
    Key(
        "targetType",
        Kind.TEXT,
        "What the model predicts: one of the words of `--target-type`, which has to say the same "
        "where it is given.",
        required=True,
    ),
    Key("description", Kind.TEXT, _SHOWN),
    Key("environmentID", Kind.TEXT, _SHOWN),
    Key("modelID", Kind.TEXT, _SHOWN),
    Key("majorVersion", Kind.TRUTH, _SHOWN),
    Key("validation", Kind.PART, _SHOWN, keys=_VALIDATION),
    Key("inferenceModel", Kind.PART, "What the predictions are called.", keys=_INFERENCE),
    Key(
        "trainingModel",
        Kind.PART,
        _SHOWN,
        keys=(Key("trainOnProject", Kind.TEXT, _SHOWN),),
    ),
    Key("userCredentialSpecifications", Kind.PARTS, _SHOWN, keys=_CREDENTIALS),
    Key(
        "runtimeParameterDefinitions",
        Kind.ANYTHING,
        "The model's own runtime parameters, a list of mappings; see below.",
    ),
    Key(
        "inputSchema",
        Kind.ANYTHING,
        "A JSON Schema with `type: object` and `properties`; rows are not checked against it.",
    ),
    Key("typeSchema", Kind.ANYTHING, "Shown by `/info/`; outputs are not checked against it."),
    Key("hyperparameters", Kind.ANYTHING, _SHOWN),
    Key("customPredictor", Kind.ANYTHING, _SHOWN),
    Key(
        "lazyLoading",
        Kind.ANYTHING,
        "Shown by `/info/`. What is fetched is said by the variable `MLOPS_LAZY_LOADING_DATA` or "
        "the file of `--lazy-loading-file`.",
    ),
)
