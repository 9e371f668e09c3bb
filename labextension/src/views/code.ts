/** Code as it will run: numbered, highlighted, wrapped so that nothing hides beyond an edge. */

import { h } from './dom';
import { Piece, pythonLines } from './python';

/** Above this many lines the code is cut until the reader asks for the rest. */
const LONG = 24;

function drawPiece(piece: Piece): Node | string {
  return piece.look ? h('span', { class: `endo-py-${piece.look}`, title: piece.title }, piece.text) : piece.text;
}

/** Draw code; a long one folds, and says how much of it is folded away. */
export function drawCode(code: string, slots: readonly string[], label = 'Code'): HTMLElement {
  const lines = pythonLines(code, new Set(slots));
  const rows = lines.map(line => h('span', { class: 'endo-line' }, h('span', {}, ...line.map(drawPiece))));
  const pre = h('pre', { class: 'endo-code', tabindex: 0, role: 'region', 'aria-label': label }, ...rows);
  if (lines.length <= LONG) {
    return pre;
  }
  pre.classList.add('endo-folded');
  const more = h('button', { type: 'button', class: 'endo-link endo-unfold', 'aria-expanded': 'false' });
  const say = (folded: boolean): void => {
    more.textContent = folded ? `Show all ${lines.length} lines` : 'Show fewer lines';
    more.setAttribute('aria-expanded', String(!folded));
  };
  more.addEventListener('click', () => say(pre.classList.toggle('endo-folded')));
  say(true);
  return h('div', {}, pre, more);
}
