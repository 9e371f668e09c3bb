"""What the person may set: `c.Endo.*` in the usual Jupyter places.

Those are, strongest first: the kernel's command line (`--Endo.model=...`), `ipython_kernel_config.py` in the IPython profile, and
`jupyter_endo_config.py` (or `.json`) on Jupyter's config path, which `jupyter endo` reads too. Secrets are never among them.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_path, jupyter_data_dir
from traitlets import Dict, Float, Int, TraitError, Unicode, default, validate
from traitlets.config import Config, Configurable
from traitlets.config.loader import ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

from endo_kernel.errors import EndoError

CONFIG_FILE = "jupyter_endo_config"
TOKEN_KINDS = ("input", "output", "cache_write", "cache_read")

_STEM_LENGTH = 40
_HASH_LENGTH = 8


class Endo(Configurable):
    """The settings of one daemon, read when it opens. A task keeps those it was begun with."""

    store = Unicode(
        help="""The folder that holds everything durable; only this user can read it.
        Without it each notebook has a folder of its own in the Jupyter data directory. Environment: ENDO_STORE.""",
    ).tag(config=True)

    model = Unicode(
        help="""The model of new tasks, by its name in the Messages API, or 'rehearsal'.
        Without it the newest general Claude model, or the rehearsal where there are no credentials. Environment: ENDO_MODEL.""",
    ).tag(config=True)

    max_tokens = Int(16_000, min=1, help="The most tokens that one answer of the model may have.").tag(config=True)

    thinking = Dict(
        default_value=None,
        allow_none=True,
        help="""The request's `thinking` parameter, as the Messages API takes it: {'type': 'disabled'} for none.
        None is what suits the model.""",
    ).tag(config=True)

    prices = Dict(
        value_trait=Dict(value_trait=Float(min=0)),
        help="""What tokens cost: {model: {kind: USD per million}}, where kind is input, output, cache_write or cache_read.
        No price is built in; without one, usage is told in tokens only.""",
    ).tag(config=True)

    budget_tokens = Int(None, allow_none=True, min=1, help="A task that has used this many tokens pauses. None: no limit.").tag(config=True)

    budget_usd = Float(
        None, allow_none=True, min=0, help="A task that has cost this much pauses; needs a price for its model. None: no limit."
    ).tag(config=True)

    @property
    def folder(self) -> Path:
        """The store's folder, as an absolute path."""
        return Path(os.path.abspath(os.path.expanduser(self.store)))

    @default("store")
    def _default_store(self) -> str:
        return os.environ.get("ENDO_STORE") or str(find_store(os.environ.get("JPY_SESSION_NAME", "")))

    @default("model")
    def _default_model(self) -> str:
        return os.environ.get("ENDO_MODEL", "")

    @validate("prices")
    def _check_prices(self, proposal: dict[str, Any]) -> dict[str, dict[str, float]]:
        prices: dict[str, dict[str, float]] = proposal["value"]
        for model, by_kind in prices.items():
            unknown = sorted(set(by_kind) - set(TOKEN_KINDS))
            if unknown:
                raise TraitError(f"c.Endo.prices[{model!r}] has {', '.join(unknown)}; the kinds of tokens are {', '.join(TOKEN_KINDS)}")
        return prices


def read_settings(parent: Configurable | None = None) -> Endo:
    """Read the settings, from Jupyter's config path and then from the application that `parent` belongs to.

    Raises EndoError where a file cannot be read or a setting cannot be used.
    """
    config = _read_files()
    if parent is not None:
        config.merge(parent.config)
    try:
        return Endo(parent=parent, config=config)
    except TraitError as error:
        raise EndoError(f"a setting cannot be used: {error}") from error


def find_store(session: str) -> Path:
    """Give the folder of a notebook's own store, by the path that Jupyter gave the kernel; a console and a script share one.

    Jupyter names a console's session too, by a path without a suffix.
    """
    home = Path(jupyter_data_dir()) / "endo"
    if not Path(session).suffix:
        return home / "default"
    path = os.path.abspath(session)
    stem = re.sub(r"[^a-z0-9]+", "-", Path(path).stem.lower())[:_STEM_LENGTH].strip("-")
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:_HASH_LENGTH]
    return home / (f"{stem}-{digest}" if stem else digest)


def _read_files() -> Config:
    config = Config()
    for folder in reversed(jupyter_config_path()):
        for loader in (PyFileConfigLoader, JSONFileConfigLoader):
            suffix = ".py" if loader is PyFileConfigLoader else ".json"
            try:
                config.merge(loader(CONFIG_FILE + suffix, path=folder).load_config())
            except ConfigFileNotFound:
                continue
            except Exception as error:  # a cell, so to speak: a config file is the user's own code
                raise EndoError(f"{Path(folder) / (CONFIG_FILE + suffix)} cannot be read: {type(error).__name__}: {error}") from error
    return config
