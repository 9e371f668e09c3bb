"""Settings come from the usual Jupyter places, and each notebook has a store of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jupyter_core.paths import jupyter_data_dir
from traitlets import TraitError
from traitlets.config import Application, Config

from endo_kernel.kernel.app import EndoKernelApp
from endo_kernel.kernel.config import Endo, find_store, read_settings


@pytest.fixture
def config_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path))
    return tmp_path


def test_a_notebook_has_a_store_of_its_own_with_a_name_one_can_read() -> None:
    one, other = find_store("/home/ann/My Analysis (2).ipynb"), find_store("/elsewhere/My Analysis (2).ipynb")

    assert one.parent == Path(jupyter_data_dir()) / "endo"
    assert one.name.startswith("my-analysis-2-")
    assert one != other
    assert one == find_store("/home/ann/My Analysis (2).ipynb")


@pytest.mark.parametrize("session", ["", "/home/ann/console-1-5b2f"])
def test_what_has_no_notebook_shares_the_default_store(session: str) -> None:
    assert find_store(session).name == "default"


def test_a_name_without_readable_letters_still_gives_a_folder() -> None:
    assert len(find_store("/home/ann/データ.ipynb").name) == 8


def test_the_kernel_takes_the_notebook_that_jupyter_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ann/tour.ipynb")

    assert Endo().folder == find_store("/home/ann/tour.ipynb")


def test_environment_variables_are_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDO_STORE", "~/endo-store")
    monkeypatch.setenv("ENDO_MODEL", "rehearsal")

    assert Endo().folder == Path(os.path.expanduser("~/endo-store"))
    assert Endo().model == "rehearsal"


def test_a_configured_value_is_stronger_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDO_MODEL", "from-the-environment")

    assert Endo(config=Config(Endo=Config(model="configured"))).model == "configured"


def test_jupyters_config_path_is_read_and_the_application_is_stronger(config_dir: Path) -> None:
    (config_dir / "jupyter_endo_config.py").write_text("c.Endo.model = 'from-the-file'\nc.Endo.budget_tokens = 5000")
    application = Application(config=Config(Endo=Config(model="from-the-command-line")))

    settings = read_settings(application)

    assert (settings.model, settings.budget_tokens) == ("from-the-command-line", 5000)


def test_json_works_as_well(config_dir: Path) -> None:
    (config_dir / "jupyter_endo_config.json").write_text('{"Endo": {"model": "from-json"}}')

    assert read_settings().model == "from-json"


def test_the_kernels_command_line_knows_the_settings() -> None:
    application = EndoKernelApp()
    application.parse_command_line(["--Endo.model=rehearsal", "--Endo.budget_usd=0.5"])

    assert (read_settings(application).model, read_settings(application).budget_usd) == ("rehearsal", 0.5)


def test_prices_are_by_model_and_kind_of_token() -> None:
    prices = {"some-model": {"input": 3, "output": 15.0}}

    assert Endo(prices=prices).prices == prices
    with pytest.raises(TraitError, match=r"'some-model'\] has inputs; the kinds of tokens are input, output, cache_write, cache_read"):
        Endo(prices={"some-model": {"inputs": 3}})


@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"budget_tokens": -1}, {"prices": {"m": {"input": -1}}}, {"thinking": "yes"}])
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TraitError):
        Endo(**wrong)
