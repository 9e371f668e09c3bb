"""Live values, as the daemon sees them: looked at, told of, kept and given back. Each subject has a module; this is the list of them."""

from endo_kernel.descriptions import describe
from endo_kernel.displays import table
from endo_kernel.fits import fit
from endo_kernel.glances import Glance, glance, token
from endo_kernel.members import members
from endo_kernel.plain import is_json, is_plain
from endo_kernel.snapshots import Kept, keep, restore, unkept

__all__ = ["Glance", "Kept", "describe", "fit", "glance", "is_json", "is_plain", "keep", "members", "restore", "table", "token", "unkept"]
