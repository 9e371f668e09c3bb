"""Characters that a reader cannot see, or that disturb the order of a text, given a form that can be seen.

The same as `labextension/src/views/visible.ts`, for a terminal and for pages that know only HTML and text: code that hides something in an
escape sequence, a bidirectional override or a zero-width character must look there too like code that hides something.
"""

from __future__ import annotations

import re
import unicodedata

_HIDING = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Zs"})
_FILLERS = re.compile("[\u115f\u1160\u3164\uffa0\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_DISTURBING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ud800-\udfff]"
)


def visible_words(text: str) -> str:
    """Spell out what would disturb the order of the text or part words unseen. Joiners stay: scripts and emoji need them."""
    return _DISTURBING.sub(lambda found: _badge(found[0]), text)


def visible_code(code: str) -> str:
    """Spell out every character that is not seen by its own shape, save spaces, tabs and newlines."""
    return code if code.isascii() and code.isprintable() else "".join(_badge(char) if _is_hidden(char) else char for char in code)


def _is_hidden(char: str) -> bool:
    return char not in " \n\t" and (unicodedata.category(char) in _HIDING or _FILLERS.match(char) is not None)


def _badge(char: str) -> str:
    return f"⟨U+{ord(char):04X}⟩"
