"""The command line: its shape, its options, and the environment behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from datarobot_drum import __version__
from datarobot_drum.drum.command_line.arguments import parse, show_stacktrace_given
from tests.unit.command_line.commands import Env, score, server, usage_error


class TestShape:
    def test_drum_alone(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            parse([], {})
        assert caught.value.code == 1
        assert capsys.readouterr().out.startswith("usage: drum ")

    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            parse(["--version"], {})
        assert caught.value.code == 0
        assert capsys.readouterr().out == f"drum {__version__}\n"

    def test_version_is_for_the_main_command(
        self, folder: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        argv = ["score", "--version", "-cd", folder, "--input", f"{folder}/rows.csv"]
        assert "unrecognized arguments: --version" in usage_error(capsys, argv)

    @pytest.mark.parametrize("argv", [["--help"], ["score", "-h"], ["server", "--help"]])
    def test_help(self, argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            parse(argv, {})
        out = capsys.readouterr().out
        assert caught.value.code == 0
        for absent in ("fit", "push", "perf-test", "--docker", "--monitor", "--gpu-predictor"):
            assert absent not in out

    def test_unknown_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        err = usage_error(capsys, ["bogus"])
        assert "argument subparser_name: invalid choice: 'bogus'" in err

    @pytest.mark.parametrize(
        ("argv", "error", "program"),
        [
            (["servr"], ". Did you mean 'server'?", "drum"),
            (["score", "--inptu", "x"], "unrecognized arguments: --inptu. Did", "drum score"),
            (
                ["server", "--code-dri=x"],
                "unrecognized arguments: --code-dri. Did you mean '--code-dir'?",
                "drum server",
            ),
            (["server", "-cd", ".", "stray"], "unrecognized arguments: stray", "drum server"),
            (["server", "-cd", ".", "-x"], "unrecognized arguments: -x", "drum server"),
            (["score", "-cd", ".", "-i", "x"], "-i. Did you mean '--input'?", "drum score"),
            (["score", "--data", "x"], "--data. Did you mean '--input'?", "drum score"),
            (["server", "--port", "80"], "--port. Did you mean '--address'?", "drum server"),
            (["server", "--host=x"], "--host. Did you mean '--address'?", "drum server"),
            # Not the nearest of those whose feature is not there.
            (["server", "--model-dir", "."], "Did you mean '--code-dir'?", "drum server"),
            (["server", "--monitr"], "unrecognized arguments: --monitr\n", "drum server"),
            (["--Version"], "--Version. Did you mean '--version'?", "drum"),
            (["-v"], "unrecognized arguments: -v", "drum"),
            (
                ["score", "--target-type", "regresion"],
                "'regresion' (choose from ",
                "drum score",
            ),
            (["score", "--target-type", "regresion"], ". Did you mean 'regression'?", "drum score"),
            (["server", "-cd", "/no"], "The path /no is not a directory!", "drum server"),
        ],
    )
    def test_an_error_is_itself_and_one_line_that_points_to_help(
        self, argv: list[str], error: str, program: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        first, second = usage_error(capsys, argv).splitlines()
        assert first.startswith(f"{program}: error: ")
        assert error in f"{first}\n"
        assert second == f"See '{program} --help'."

    def test_a_value_from_a_variable_has_its_suggestion_too(
        self, folder: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit):
            parse(["server", "-cd", folder], {"TARGET_TYPE": "binari"})
        assert ". Did you mean 'binary'?\nSee 'drum server --help'.\n" in capsys.readouterr().err

    def test_unknown_option(self, folder: str, capsys: pytest.CaptureFixture[str]) -> None:
        err = usage_error(capsys, ["server", "-cd", folder, "--address", "localhost", "--bogus"])
        assert "unrecognized arguments: --bogus" in err

    @pytest.mark.parametrize("name", ["fit", "validation", "perf-test", "new", "push"])
    def test_commands_to_come_are_names(self, name: str) -> None:
        assert vars(parse([name, "--code-dir", "x", "--help"], {})) == {"subparser_name": name}


class TestOptions:
    def test_defaults_of_server(self, folder: str) -> None:
        options = server(folder)
        assert options.subparser_name == "server"
        assert options.code_dir == folder
        assert options.address == "localhost:6789"
        assert options.logging_level == "warning"
        assert options.max_workers == 0
        assert options.with_error_server is False
        assert options.target_type is None
        assert not hasattr(options, "input")

    def test_defaults_of_score(self, folder: str) -> None:
        options = score(folder)
        assert options.input == f"{folder}/rows.csv"
        assert options.output is None
        assert not hasattr(options, "address")

    def test_all_of_server(self, folder: str) -> None:
        rows = f"{folder}/rows.csv"
        text = (
            "--target-type multiclass --class-labels a b c --max-workers 3 --production"
            " --with-error-server --show-perf --show-stacktrace --verbose --logging-level debug"
            " --language python --user-secrets-mount-path /s --user-secrets-prefix P"
        )
        files = ["--runtime-params-file", rows, "--lazy-loading-file", rows]
        options = server(folder, *text.split(), *files, "--deployment-config", rows)
        assert options.target_type == "multiclass"
        assert options.class_labels == ["a", "b", "c"]
        assert options.max_workers == 3
        flags = ("production", "with_error_server", "show_perf", "show_stacktrace", "verbose")
        assert all(getattr(options, flag) is True for flag in flags)
        assert options.logging_level == "debug"
        assert options.language == "python"
        assert (options.user_secrets_mount_path, options.user_secrets_prefix) == ("/s", "P")
        assert options.runtime_params_file == options.lazy_loading_file == rows
        assert options.deployment_config == rows

    def test_paths_of_score(
        self, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "link.csv").symlink_to(tmp_path / "rows.csv")
        monkeypatch.chdir(tmp_path)
        argv = "score -cd . --input link.csv --output out/p.csv --sparse-column-file labels.txt"
        options = parse(argv.split(), {})
        assert options.code_dir == folder
        assert options.input == f"{folder}/rows.csv"
        assert options.output == f"{folder}/out/p.csv"
        assert options.sparse_column_file == f"{folder}/labels.txt"

    @pytest.mark.parametrize("command", ["score", "server"])
    def test_required(self, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        err = usage_error(capsys, [command])
        other = ", --input" if command == "score" else ""
        assert f"the following arguments are required: -cd/--code-dir{other}\n" in err

    @pytest.mark.parametrize(
        ("words", "text"),
        [
            (["-cd", "/no/such"], "argument -cd/--code-dir: The path /no/such is not a directory!"),
            (["--input", "/no"], "argument --input: The file /no does not exist!"),
            (["--input", "/tmp"], "argument --input: /tmp is a directory or a pipe, not a file!"),
            (["--class-labels-file", "/no"], "argument --class-labels-file: The file /no does not"),
            (["--runtime-params-file", "/no"], "argument --runtime-params-file: The file /no does"),
            (["--target-type", "x"], "argument --target-type: invalid choice: 'x'"),
            (["--logging-level", "x"], "argument --logging-level: invalid choice: 'x'"),
            (["--language", "x"], "argument --language: invalid choice: 'x'"),
            (["--class-labels"], "argument --class-labels: expected at least one argument"),
            (
                ["--class-labels", "a"],
                "--class-labels: Multiclass classification requires at least",
            ),
        ],
    )
    def test_bad_value(
        self, folder: str, words: list[str], text: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        argv = ["score", "-cd", folder, "--input", f"{folder}/rows.csv", *words]
        assert text in usage_error(capsys, argv)

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("0", "must be > 0"),
            ("-1", "must be > 0"),
            ("200", "must be a whole number from 1 to 199"),
            ("x", "invalid int value"),
        ],
    )
    def test_bad_workers(
        self, folder: str, value: str, text: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        argv = ["server", "-cd", folder, "--address", "localhost", f"--max-workers={value}"]
        assert f"argument --max-workers: {text}" in usage_error(capsys, argv)

    @pytest.mark.parametrize(
        ("given", "effective"),
        [
            ("localhost", "localhost:8080"),
            ("9090", "127.0.0.1:9090"),
            (":9090", "0.0.0.0:9090"),
            ("*:9090", "0.0.0.0:9090"),
            (" localhost:90 ", "localhost:90"),
            ("http://localhost:90/", "localhost:90"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]", "[::1]:8080"),
            ("[::1]:80", "[::1]:80"),
        ],
    )
    def test_address(self, folder: str, given: str, effective: str) -> None:
        assert server(folder, "--address", given).address == effective

    def test_address_is_loopback_unless_given(self, folder: str) -> None:
        assert parse(["server", "-cd", folder], {}).address == "127.0.0.1:8080"
        assert parse(["server", "-cd", folder], {"ADDRESS": ":80"}).address == "0.0.0.0:80"

    def test_address_must_not_be_empty(
        self, folder: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        err = usage_error(capsys, ["server", "-cd", folder, "--address", ""])
        assert "argument --address: The address must not be empty.\n" in err

    @pytest.mark.parametrize(
        "value", ["localhost:x", "localhost:65536", "a:1:2", "65536", ":", "http://", "::1"]
    )
    def test_bad_address(self, folder: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
        err = usage_error(capsys, ["server", "-cd", folder, "--address", value])
        assert f"argument --address: Invalid address: '{value}'" in err
        assert "and an IPv6 address in brackets.\n" in err


class TestEnvironment:
    def test_required_options_may_come_from_it(self, folder: str) -> None:
        options = parse(["server"], {"CODE_DIR": folder, "ADDRESS": "localhost"})
        assert (options.code_dir, options.address) == (folder, "localhost:8080")

    def test_values(self, folder: str) -> None:
        env = {
            "TARGET_TYPE": "binary",
            "POSITIVE_CLASS_LABEL": "-1",
            "NEGATIVE_CLASS_LABEL": "--no",
            "CLASS_LABELS": "a  b\tc",
            "MAX_WORKERS": "2",
            "DEPLOYMENT_CONFIG": f"{folder}/rows.csv",
            "USER_SECRETS_MOUNT_PATH": "/s",
            "USER_SECRETS_PREFIX": "P",
            "RUNTIME_PARAMS_FILE": f"{folder}/rows.csv",
            "LAZY_LOADING_FILE": f"{folder}/rows.csv",
            "MLOPS_DEPLOYMENT_ID": "d",
            "MLOPS_MODEL_ID": "shadowed",
            "MODEL_ID": "m",
            "EXTERNAL_WEB_SERVER_URL": "http://w",
            "API_TOKEN": "t",
        }
        options = server(folder, env=env)
        assert options.target_type == "binary"
        assert (options.positive_class_label, options.negative_class_label) == ("-1", "--no")
        assert options.class_labels == ["a", "b", "c"]
        assert options.max_workers == 2
        assert options.deployment_config == f"{folder}/rows.csv"
        assert (options.user_secrets_mount_path, options.user_secrets_prefix) == ("/s", "P")
        assert options.runtime_params_file == options.lazy_loading_file == f"{folder}/rows.csv"
        assert (options.deployment_id, options.model_id) == ("d", "m")
        assert (options.webserver, options.api_token) == ("http://w", "t")

    @pytest.mark.parametrize(
        "words",
        [
            ["--target-type", "anomaly"],
            ["--target-type=anomaly"],
            ["--target", "anomaly"],
            ["--targ=anomaly"],
        ],
    )
    def test_command_line_wins_in_every_spelling(self, folder: str, words: list[str]) -> None:
        assert score(folder, *words, env={"TARGET_TYPE": "binary"}).target_type == "anomaly"

    @pytest.mark.parametrize("spelling", ["-cd {}", "-cd={}", "--code-dir {}", "--code-d={}"])
    def test_code_dir_wins_in_every_spelling(self, folder: str, spelling: str) -> None:
        words = spelling.format(folder).split()
        options = parse(["server", "--address", "localhost", *words], {"CODE_DIR": "/"})
        assert options.code_dir == folder

    def test_a_bad_value_does_not_count_where_the_command_line_has_one(self, folder: str) -> None:
        env = {"TARGET_TYPE": "bogus", "ADDRESS": "a:b:c"}
        assert server(folder, "--target-type=anomaly", env=env).target_type == "anomaly"

    def test_label_pair_spelled_with_equal_signs(self, folder: str) -> None:
        words = ("--positive-class-label=yes", "--negative-class-label=no")
        options = server(folder, *words, env={"POSITIVE_CLASS_LABEL": "x"})
        assert (options.positive_class_label, options.negative_class_label) == ("yes", "no")

    def test_label_pair_from_both_places(self, folder: str) -> None:
        env = {"NEGATIVE_CLASS_LABEL": "no"}
        options = server(folder, "--positive-class-label", "yes", env=env)
        assert (options.positive_class_label, options.negative_class_label) == ("yes", "no")

    def test_empty_variables_are_unset(self, folder: str) -> None:
        env = {"TARGET_TYPE": "", "WITH_ERROR_SERVER": "", "DEPLOYMENT_ID": ""}
        options = server(folder, env={**env, "MLOPS_DEPLOYMENT_ID": "d"})
        assert options.target_type is None
        assert options.with_error_server is False
        assert options.deployment_id == "d"

    def test_variables_of_the_other_command_are_not_read(self, folder: str) -> None:
        env = {"ADDRESS": "a:b:c", "MAX_WORKERS": "x", "PRODUCTION": "f"}
        assert not hasattr(score(folder, env=env), "address")

    @pytest.mark.parametrize("word", ["t", "TRUE", " y ", "yes", "on", "1"])
    def test_true_words(self, folder: str, word: str) -> None:
        env = {"WITH_ERROR_SERVER": word, "SHOW_STACKTRACE": word}
        options = server(folder, env=env)
        assert options.with_error_server is True
        assert options.show_stacktrace is True

    @pytest.mark.parametrize("word", ["false", "N", "no", "off ", "0", "None"])
    def test_false_words(self, folder: str, word: str) -> None:
        assert server(folder, env={"WITH_ERROR_SERVER": word}).with_error_server is False

    def test_a_flag_on_the_command_line_beats_a_false_variable(self, folder: str) -> None:
        options = server(folder, "--with-error", env={"WITH_ERROR_SERVER": "no"})
        assert options.with_error_server is True

    @pytest.mark.parametrize(
        ("variable", "value", "text"),
        [
            ("WITH_ERROR_SERVER", "f", "value can't be converted to Bool"),
            ("MONITOR", "maybe", "value can't be converted to Bool"),
            ("TARGET_TYPE", "bogus", "invalid choice: 'bogus'"),
            ("MAX_WORKERS", "0", "must be > 0"),
            ("MAX_WORKERS", "200", "must be a whole number from 1 to 199"),
            ("CLASS_LABELS", "cat", "Multiclass classification requires at least 2 labels."),
            ("CODE_DIR", "/no/such", "The path /no/such is not a directory!"),
            ("RUNTIME_PARAMS_FILE", "/no", "The file /no does not exist!"),
            ("ADDRESS", "a:b:c", "Invalid address: 'a:b:c'"),
        ],
    )
    def test_a_bad_value_names_the_variable(
        self,
        folder: str,
        variable: str,
        value: str,
        text: str,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        env = {"CODE_DIR": folder, "ADDRESS": "localhost", variable: value}
        err = usage_error(capsys, ["server"], env)
        assert f"environment variable {variable}: {text}" in err


@pytest.mark.parametrize(
    ("argv", "env", "wanted"),
    [
        (["server", "--show-stacktrace"], {}, True),
        (["server", "--show-s"], {}, True),
        (["server", "--show-perf"], {}, False),
        (["server"], {"SHOW_STACKTRACE": "yes"}, True),
        (["server"], {"SHOW_STACKTRACE": "perhaps"}, False),
        ([], {}, False),
    ],
)
def test_show_stacktrace_given(argv: list[str], env: Env, wanted: bool) -> None:
    assert show_stacktrace_given(argv, env) is wanted
