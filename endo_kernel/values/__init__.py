"""Live values, as the daemon sees them: looked at, told of, kept and given back. Each subject has a module; this is the list of them."""

from endo_kernel.values.descriptions import describe
from endo_kernel.values.displays import table
from endo_kernel.values.fits import fit
from endo_kernel.values.glances import Glance, glance, token
from endo_kernel.values.members import members
from endo_kernel.values.plain import is_json, is_plain, is_utf8
from endo_kernel.values.snapshots import Kept, keep, restore, unkept
from endo_kernel.values.types import mismatch

__all__ = [
    "Glance",
    "Kept",
    "describe",
    "fit",
    "glance",
    "is_json",
    "is_plain",
    "is_utf8",
    "keep",
    "members",
    "mismatch",
    "restore",
    "table",
    "token",
    "unkept",
]
