"""Trackers: what they are given, and that they change nothing and stop nothing."""

import logging
import os
import warnings
from typing import ClassVar

import pytest
import torch

import isthmus as ist
from isthmus.errors import Remark, TrainingError
from isthmus.trackers import Tracker, named
from isthmus.trackers.named import TRACKERS

MOMENTS = ("begin", "log", "show", "embed", "keep", "end")


class Recorder(Tracker):
    """Keeps what it is given, as a tool's server would."""

    title, module, extra = "Recorder", "math", "none"
    server: ClassVar[dict] = {}

    def begin(self, options):
        print("a tool's greeting")
        self.calls = self.server.setdefault(self.id, [])
        self.calls.append(("begin", options))

    def log(self, numbers, epoch):
        self.calls.append(("log", epoch, numbers))

    def show(self, pictures, epoch):
        self.calls.append(("show", epoch, pictures))

    def embed(self, codes, labels, looks):
        self.calls.append(("embed", codes, labels, looks))

    def keep(self, run):
        self.calls.append(("keep", run))

    def end(self, status):
        self.calls.append(("end", status))

    def of(self, moment):
        return [call for call in self.calls if call[0] == moment]


class Failing(Recorder):
    """Its tool fails in one of its methods."""

    def __init__(self, moment):
        super().__init__()
        self.moment = moment

    def __getattribute__(self, name):
        if name in MOMENTS and name == object.__getattribute__(self, "moment"):
            raise ConnectionError("the server is down\nand more")
        return object.__getattribute__(self, name)


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr(Recorder, "server", {})
    monkeypatch.setitem(TRACKERS, "recorder", Recorder)
    return Recorder()


def test_a_tracker_gets_options_each_epoch_measures_pictures_codes_and_the_model(fit, recorder):
    run = fit(recorder)
    (_, options), *_ = recorder.calls
    assert options["data.source"] == "digits"
    assert options["epochs"] == 2
    assert options["model.code"] == 4
    logged = recorder.of("log")
    assert [epoch for _, epoch, _ in logged] == [1, 2, 2]
    assert logged[0][2]["validation_loss"] == run.history[0]["validation_loss"]
    assert logged[2][2]["test_mse"] == run.evaluate()["test"]["mse"]["model"]
    assert [(epoch, picture.shape) for _, epoch, picture in recorder.of("show")] == [(1, (16, 64, 3)), (2, (16, 64, 3))]
    ((_, codes, labels, looks),) = recorder.of("embed")
    assert (codes.shape, len(labels), looks.shape) == ((180, 4), 180, (180, 3, 8, 8))
    assert recorder.of("keep")[0][1] is run
    assert recorder.calls[-1] == ("end", "finished")


def test_training_gives_the_same_bits_with_a_tracker(fit, recorder, tmp_path):
    own, tracked = fit(out=tmp_path / "own"), fit(recorder, out=tmp_path / "tracked")
    assert all(torch.equal(value, tracked.model.state_dict()[name]) for name, value in own.model.state_dict().items())


def test_a_table_has_no_pictures(tmp_path, recorder):
    data = ist.open_data(torch.randn(60, 4).numpy())
    ist.fit(ist.recipe("vanilla").build(data), data, epochs=1, progress=False, callbacks=[recorder])
    assert recorder.of("show") == []
    assert recorder.of("embed")[0][3] is None


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_tool_that_fails_is_remarked_once_and_training_goes_on(fit, moment):
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        run = fit(Failing(moment))
    assert run.status == "finished"
    said = [str(one.message) for one in noted if one.category is Remark]
    assert said == ["Recorder failed, so this run is no longer tracked there. Training goes on. the server is down"]


def test_nothing_of_the_process_is_left_changed(fit, recorder, capsys, monkeypatch):
    def begin(options):
        recorder.calls = []
        os.environ["A_TOOL"] = "was here"
        logging.getLogger().setLevel(logging.DEBUG)
        warnings.simplefilter("always")

    monkeypatch.setattr(recorder, "begin", begin)
    monkeypatch.setattr(recorder, "log", lambda *_: print("tools like to talk"))
    before = (dict(os.environ), logging.getLogger().level, logging.root.manager.disable, warnings.filters[:])
    fit(recorder)
    assert before == (dict(os.environ), logging.getLogger().level, logging.root.manager.disable, warnings.filters[:])
    assert capsys.readouterr().out == ""


def test_a_resumed_run_continues_the_same_tracked_run_by_itself(fit, recorder, stopping, tmp_path):
    fit(recorder, stopping(1), epochs=3)
    assert recorder.calls[-1] == ("end", "interrupted")
    ist.resume(tmp_path / "digits", progress=False)
    ((_, calls),) = Recorder.server.items()
    assert [epoch for moment, epoch, *_ in calls if moment == "log"] == [1, 2, 3, 3]
    assert calls[-1] == ("end", "finished")


def test_a_run_resumed_without_trackers_is_no_longer_tracked(fit, recorder, stopping, tmp_path):
    fit(recorder, stopping(1))
    ist.resume(tmp_path / "digits", track="none", progress=False)
    assert recorder.calls[-1] == ("end", "interrupted")


def test_a_tracker_that_joins_a_resumed_run_gets_the_epochs_before(fit, recorder, stopping, tmp_path):
    fit(stopping(1))
    ist.resume(tmp_path / "digits", callbacks=[recorder], progress=False)
    assert [epoch for _, epoch, _ in recorder.of("log")] == [1, 2, 2]


def test_a_model_in_closed_form_is_tracked(fit, recorder):
    fit(recorder, recipe="pca")
    assert [moment for moment, *_ in recorder.calls] == ["begin", "log", "log", "embed", "keep", "end"]


def test_an_error_in_training_ends_the_tracked_run(fit, recorder, monkeypatch):
    monkeypatch.setattr(recorder, "batch_end", lambda training: 1 / 0, raising=False)
    with pytest.raises(ZeroDivisionError):
        fit(recorder)
    assert recorder.calls[-1] == ("end", "failed")


def test_several_trackers_have_names_with_commas_or_in_a_list(recorder):
    assert [type(one) for one in named("recorder, recorder")] == [Recorder]
    assert named("none") == named([]) == []
    with pytest.raises(TrainingError, match=r"There is no tracker 'recoder'. Did you mean 'recorder'\?"):
        named(["recoder"])


def test_a_tracker_whose_package_is_missing_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(Recorder, "module", "no_such_tool")
    with pytest.raises(ist.IsthmusError, match=r"Tracking with Recorder needs no_such_tool.*isthmus\[none\]"):
        Recorder()
