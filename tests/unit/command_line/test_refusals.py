"""Options that do not go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from datarobot_drum.drum.exceptions import DrumCommonException
from tests.unit.command_line.commands import Env, score, server, usage_error


class TestLabels:
    PAIR = "both positive and negative class labels have to be provided."

    @pytest.mark.parametrize("which", ["positive", "negative"])
    def test_half_a_pair(self, folder: str, which: str, capsys: pytest.CaptureFixture[str]) -> None:
        argv = ["server", "-cd", folder, "--address", "a", f"--{which}-class-label", "x"]
        assert self.PAIR in usage_error(capsys, argv)

    def test_file(self, folder: str) -> None:
        options = score(folder, "--class-labels-file", f"{folder}/labels.txt")
        assert options.class_labels == ["cat", "dog", "fox"]

    def test_file_beats_list_in_the_environment(self, folder: str) -> None:
        env = {"CLASS_LABELS": "a b", "CLASS_LABELS_FILE": f"{folder}/labels.txt"}
        assert score(folder, env=env).class_labels == ["cat", "dog", "fox"]

    def test_list_on_the_command_line_beats_a_file_in_the_environment(self, folder: str) -> None:
        env = {"CLASS_LABELS_FILE": f"{folder}/labels.txt"}
        assert score(folder, "--class-labels", "a", "b", env=env).class_labels == ["a", "b"]

    def test_both_on_the_command_line(
        self, folder: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = ["--class-labels", "a", "b", "--class-labels-file", f"{folder}/labels.txt"]
        err = usage_error(capsys, ["server", "-cd", folder, "--address", "a", *words])
        assert "either the class labels or a class labels file should be provided, but" in err

    def test_too_few_in_a_file(
        self, folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "labels.txt").write_text("cat\n\n")
        argv = ["server", "-cd", folder, "--address", "a"]
        err = usage_error(capsys, argv, {"CLASS_LABELS_FILE": f"{folder}/labels.txt"})
        text = "Multiclass classification requires at least 2 labels."
        assert f"environment variable CLASS_LABELS_FILE: {text}" in err

    def test_file_that_is_no_text(
        self, folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "labels.txt").write_bytes(b"\xff\xfe\xff")
        argv = ["server", "-cd", folder, "--address", "a"]
        err = usage_error(capsys, [*argv, "--class-labels-file", f"{folder}/labels.txt"])
        assert "labels.txt can't be read: it is not UTF-8 text" in err

    def test_ignored_for_other_target_types(self, folder: str) -> None:
        env = {"CLASS_LABELS": "one"}
        assert score(folder, "--target-type", "regression", env=env).target_type == "regression"


ALL_OF_MONITOR = "--model-id m --deployment-id d --monitor-settings spooler_type=STDOUT"


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "text"),
        [
            (
                "--skip-deps-install",
                "Argument '--skip-deps-install' can only be used together with '--docker'.",
            ),
            (
                "--production",
                "Production mode requires a non-zero number of workers [--max-workers > 0].",
            ),
            (
                f"--monitor {ALL_OF_MONITOR} --target-type unstructured",
                "Error: MLOps monitoring can not be used in unstructured mode.",
            ),
            (
                "--monitor-embedded",
                "Error: MLOps embedded monitoring is supported for unstructured modes only.",
            ),
            (
                "--monitor --model-id m",
                "Error: MLOps Monitoring requires all monitoring options to be present."
                " Missing: --deployment-id, --monitor-settings",
            ),
            (
                "--monitor-embedded --target-type unstructured --model-id m --webserver w",
                "Error: MLOps Monitoring requires all monitoring options to be present."
                " Missing: --deployment-id, --api-token",
            ),
            (
                "--allow-dr-api-access --webserver w",
                "Error: DataRobot APIs access requires certain option(s) that are missing."
                " Missing: --api-token",
            ),
            (
                "--gpu-predictor triton --triton-host localhost",
                "Error: Triton Host URL must contain scheme and netloc",
            ),
            (
                "--triton-host http://[",
                "Error: Triton Host URL must contain scheme and netloc",
            ),
            (
                "--triton-http-port x",
                "Error: Triton HTTP port or GRPc port configuration is incorrect."
                " Value should be a positive integer.",
            ),
            (
                "--triton-http-port 8001",
                "Error: Triton HTTP port or GRPc port configuration is incorrect."
                " Ports can't be the same.",
            ),
            (
                "--query a=1 --target-type binary",
                "--query argument can be used only with --target-type unstructured",
            ),
            (
                "--content-type text/plain --target-type regression",
                "--content-type argument can be used only with --target-type unstructured",
            ),
            ("--docker image", "this version of drum has no '--docker' yet"),
            ("--docker image --skip-deps-install", "this version of drum has no '--docker' yet"),
            ("--memory 1g", "this version of drum has no '--memory' yet"),
            (f"--monitor {ALL_OF_MONITOR}", "this version of drum has no '--monitor' yet"),
            (
                "--monitor-settings spooler_type=STDOUT",
                "this version of drum has no '--monitor-settings' yet",
            ),
            (
                "--monitor-embedded --target-type unstructured --model-id m --deployment-id d"
                " --webserver w --api-token t",
                "this version of drum has no '--monitor-embedded' yet",
            ),
            (
                "--allow-dr-api-access --webserver w --api-token t",
                "this version of drum has no '--allow-dr-api-access' yet",
            ),
            ("--gpu-predictor nim", "this version of drum has no '--gpu-predictor' yet"),
            ("--sidecar", "this version of drum has no '--sidecar' yet"),
            ("--triton-grpc-port 9", "this version of drum has no '--triton-grpc-port' yet"),
            ("--deployment-id d", "this version of drum has no '--deployment-id' yet"),
            ("--model-id=m", "this version of drum has no '--model-id' yet"),
            ("--webserver w --api-token t", "this version of drum has no '--webserver' yet"),
            ("--api-token t", "this version of drum has no '--api-token' yet"),
        ],
    )
    def test_on_the_command_line(self, folder: str, words: str, text: str) -> None:
        with pytest.raises(DrumCommonException) as caught:
            server(folder, *words.split())
        assert str(caught.value) == text
        assert caught.value.exit_code == 1

    @pytest.mark.parametrize(
        ("env", "text"),
        [
            ({"PRODUCTION": "yes"}, "Production mode requires"),
            ({"MONITOR": "1"}, "MLOps Monitoring requires all monitoring options"),
            ({"MLOPS_REPORTING_FROM_UNSTRUCTURED_MODELS": "1"}, "unstructured modes only"),
            ({"ALLOW_DR_API_ACCESS_FOR_ALL_CUSTOM_MODELS": "1"}, "DataRobot APIs access requires"),
        ],
    )
    def test_from_the_environment(self, folder: str, env: Env, text: str) -> None:
        with pytest.raises(DrumCommonException, match=text):
            server(folder, env=env)

    def test_production_with_workers(self, folder: str) -> None:
        assert server(folder, "--production", env={"MAX_WORKERS": "2"}).production is True

    def test_variables_of_other_programs_are_no_reason(self, folder: str) -> None:
        env = {"TRITON_HOST": "nowhere", "TRITON_HTTP_PORT": "x", "MONITOR_SETTINGS": "s"}
        assert server(folder, env={**env, "API_TOKEN": "t"}).code_dir == folder

    def test_unstructured_options(self, folder: str) -> None:
        words = ["--query", "a=1", "--content-type", "text/csv"]
        options = score(folder, "--target-type", "unstructured", *words)
        assert (options.query, options.content_type) == ("a=1", "text/csv")
        assert score(folder, *words).query == "a=1"
