"""Which model a task gets when nobody says which, and when somebody does."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from endo_kernel.agent import models
from endo_kernel.agent.claude import ClaudeModel
from endo_kernel.agent.models import choose_model, default_thinking, has_credentials, make_models, newest_general
from endo_kernel.agent.rehearsal import RehearsalModel


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user without any credentials; gives the home folder."""
    for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "ENDO_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_without_credentials_it_is_the_rehearsal() -> None:
    assert choose_model(None) == "rehearsal"
    assert choose_model("") == "rehearsal"


def test_an_address_alone_is_no_credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")

    assert choose_model(None) == "rehearsal"


def test_what_is_configured_wins_over_the_environment_and_both_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    monkeypatch.setenv("ENDO_MODEL", "llama3")

    assert choose_model("claude-haiku-4-5") == "claude-haiku-4-5"
    assert choose_model(None) == "llama3"


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE"])
def test_a_key_a_token_or_a_named_profile_means_claude(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "x")

    assert choose_model(None) == newest_general()


def test_an_authorization_header_means_claude(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Team: blue\nAuthorization: Bearer x")

    assert choose_model(None) != "rehearsal"


def test_workload_identity_means_claude_when_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_FEDERATION_RULE_ID", "rule")
    monkeypatch.setenv("ANTHROPIC_IDENTITY_TOKEN", "token")
    assert not has_credentials()

    monkeypatch.setenv("ANTHROPIC_ORGANIZATION_ID", "organization")
    assert has_credentials()


@pytest.mark.parametrize("active", ["default", "work"])
def test_a_profile_on_disk_means_claude_for_the_sdk_and_for_us(bare: Path, active: str) -> None:
    folder = bare / ".config" / "anthropic"
    (folder / "configs").mkdir(parents=True)
    assert not has_credentials()

    if active != "default":
        (folder / "active_config").write_text(f"{active}\n")
        assert not has_credentials()
    (folder / "configs" / f"{active}.json").write_text(json.dumps({"authentication": {"type": "user_oauth"}}))

    assert has_credentials()


def test_the_newest_general_model_is_one_of_the_sdks_aliases() -> None:
    import anthropic.types.model as listed

    name = newest_general()

    assert f'"{name}"' in Path(listed.__file__).read_text()
    assert name.startswith("claude-opus-")
    assert name.count("-") <= 3


def test_a_list_that_cannot_be_read_leaves_a_name_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_names", list)

    assert newest_general() == "claude-opus-5-5"


def test_choosing_does_not_import_the_sdk() -> None:
    code = "import sys; from endo_kernel.agent.models import choose_model; print(choose_model(None), 'anthropic' in sys.modules)"
    environment = {**os.environ, "ANTHROPIC_API_KEY": "key"}

    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout.split()

    assert printed == [newest_general(), "False"]


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("claude-opus-5-5", {"type": "adaptive"}),
        ("claude-sonnet-5", {"type": "adaptive"}),
        ("claude-opus-4-6", {"type": "adaptive"}),
        ("claude-fable-5-2", {"type": "adaptive"}),
        ("claude-opus-4-5-20251101", None),
        ("claude-haiku-4-5", None),
        ("claude-opus-4-20250514", None),
        ("claude-3-7-sonnet-20250219", None),
        ("llama3", None),
        ("rehearsal", None),
    ],
)
def test_thinking_is_asked_of_models_that_decide_it_themselves(model: str, thinking: object) -> None:
    assert default_thinking(model) == thinking


def test_models_are_made_once_by_kind() -> None:
    by_name = make_models()

    assert isinstance(by_name("rehearsal"), RehearsalModel)
    assert isinstance(by_name("claude-opus-5-5"), ClaudeModel)
    assert by_name("llama3") is by_name("claude-opus-5-5")
    asyncio.run(by_name.close())
    asyncio.run(by_name.close())
