"""Which models are shared by forks: none that left a thread, and none where threads are unseen."""

from __future__ import annotations

import _thread
import threading
from pathlib import Path
from unittest.mock import Mock

import pytest

from datarobot_drum.drum import assembly, preloading
from datarobot_drum.drum.knobs.serving import ProcessSettings
from datarobot_drum.drum.preloading import with_shared_model
from datarobot_drum.drum.settings import ModelSettings, ServerSettings, Settings
from tests.unit.folders import write_folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = write_folder(tmp_path / "model", model_pkl=1)
    server = ServerSettings(processes=ProcessSettings(workers=2))
    return Settings("server", ModelSettings(str(folder)), server)


@pytest.fixture
def starts_again(monkeypatch: pytest.MonkeyPatch) -> Mock:
    again = Mock()
    monkeypatch.setattr(preloading, "_start_again", again)
    return again


def test_a_thread_that_python_does_not_know_keeps_a_model_from_being_shared(
    settings: Settings, starts_again: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("this system does not tell")
    release = _thread.allocate_lock()
    release.acquire()

    def load(_settings: Settings) -> Mock:
        _thread.start_new_thread(release.acquire, ())
        return Mock()

    monkeypatch.setattr(assembly, "build_service", load)
    serve, known = Mock(), threading.active_count()
    with_shared_model(settings, serve)
    assert threading.active_count() == known
    release.release()

    serve.assert_not_called()
    starts_again.assert_called_once_with()


def test_where_native_threads_cannot_be_seen_each_worker_loads(
    settings: Settings, starts_again: Mock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, serve = Mock(), Mock()
    monkeypatch.setattr(assembly, "build_service", load)
    monkeypatch.setattr(preloading, "Path", lambda _path: tmp_path / "no such folder")
    with_shared_model(settings, serve)

    serve.assert_called_once_with(None)
    load.assert_not_called()
    starts_again.assert_not_called()
