"""What a page shows to those who do not see it well: names of controls, contrast of text."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator

LEGIBLE = 4.5
"""The contrast that WCAG 2.2 asks of text of ordinary size (1.4.3, AA)."""

_CONTROLS = "button|checkbox|combobox|link|menuitem|radio|textbox"
_CONTRASTS = """
root => {
  const brush = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const rgba = color => {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = color;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const ground = node => {
    const own = rgba(getComputedStyle(node).backgroundColor);
    return own[3] === 1 || !node.parentElement ? own.slice(0, 3) : over(own, ground(node.parentElement));
  };
  const luminance = color => {
    const [r, g, b] = color.map(c => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = node => {
    const below = ground(node);
    const [low, high] = [over(rgba(getComputedStyle(node).color), below), below].map(luminance).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  };
  const written = node => [...node.childNodes].some(child => child.nodeType === Node.TEXT_NODE && child.data.trim());
  return [...root.querySelectorAll('.endo *')]
    .filter(node => written(node) && node.checkVisibility() && !node.closest(':disabled, [aria-disabled=true], option'))
    .map(node => [node.textContent.trim().slice(0, 40), contrast(node)]);
}
"""


def nameless(view: Locator) -> list[str]:
    """Give the controls that a screen reader could only call by their kind."""
    return re.findall(rf"^\s*- (?:{_CONTROLS})(?: \[.*\])?:?$", view.aria_snapshot(), re.MULTILINE)


def illegible(view: Locator) -> list[str]:
    """Give the texts that stand out too little from what is behind them."""
    found: list[Any] = view.evaluate(_CONTRASTS)
    assert found
    return [f"{text!r} {contrast:.1f}" for text, contrast in found if contrast < LEGIBLE]
