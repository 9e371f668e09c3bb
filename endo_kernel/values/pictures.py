"""Pictures of values that are pictures: PIL images and matplotlib figures, as small PNGs."""

from __future__ import annotations

import base64
import io
import sys
from typing import Any

from endo_kernel.powers import Json

LARGEST_SIDE = 768
LARGEST_BYTES = 512 << 10


def draw(value: object) -> dict[str, Json] | None:
    """Give a picture as {"media_type", "data"}, bounded in pixels and bytes; None for what is not one, or does not get small enough."""
    side = LARGEST_SIDE
    while side >= LARGEST_SIDE // 8:
        data = _png(value, side)
        if data is None:
            return None
        if len(data) <= LARGEST_BYTES:
            return {"media_type": "image/png", "data": base64.b64encode(data).decode()}
        side //= 2
    return None


def _png(value: Any, side: int) -> bytes | None:
    file = io.BytesIO()
    if _is_a(value, "PIL.Image", "Image"):
        picture = value.copy()
        picture.thumbnail((side, side))
        if picture.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
            picture = picture.convert("RGB")
        picture.save(file, "PNG")
    elif _is_a(value, "matplotlib.axes", "Axes"):
        return _png(value.figure, side)
    elif _is_a(value, "matplotlib.figure", "Figure"):
        inches = max(*value.get_size_inches(), 0.1)
        value.savefig(file, format="png", dpi=min(100.0, side / inches))
    else:
        return None
    return file.getvalue()


def _is_a(value: object, module: str, name: str) -> bool:
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(value, kind)
