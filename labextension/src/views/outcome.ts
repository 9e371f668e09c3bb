/** What a step gave: its table, text, pictures, streams, and its error where it failed. */

import DOMPurify from 'dompurify';

import type { Json, MimeData, Outcome } from '../protocol';
import { Child, h } from './dom';
import { visible } from './visible';

const PICTURES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
// eslint-disable-next-line no-control-regex
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)/g;

/** Text of a program as a terminal would leave it, without colours and without anything that hides. */
export function plain(text: string): string {
  const lines = text
    .replace(ANSI, '')
    .replace(/\r+\n/g, '\n')
    .replace(/[^\n]*\r(?=[^\n])/g, '');
  return visible(lines.replace(/\r/g, ''));
}

function join(value: Json | undefined): string | null {
  if (typeof value === 'string') {
    return value;
  }
  return Array.isArray(value) ? value.filter(line => typeof line === 'string').join('') : null;
}

function pre(text: string, kind: string, label: string): HTMLElement {
  return h('pre', { class: `endo-text endo-${kind}`, tabindex: 0, role: 'region', 'aria-label': label }, text);
}

function drawPicture(data: MimeData): HTMLElement | null {
  const alt = join(data['text/plain']) ?? 'A picture';
  for (const mime of PICTURES) {
    const bytes = join(data[mime])?.replace(/\s/g, '');
    if (bytes && /^[A-Za-z0-9+/=]+$/.test(bytes)) {
      return h('img', { class: 'endo-picture', src: `data:${mime};base64,${bytes}`, alt });
    }
  }
  const svg = join(data['image/svg+xml']);
  // As the source of an image an SVG runs no scripts and fetches nothing.
  return svg ? h('img', { class: 'endo-picture', src: `data:image/svg+xml,${encodeURIComponent(svg)}`, alt }) : null;
}

/** Draw one display; plain text goes before HTML, which is sanitised and drawn only where there is nothing else. */
function drawDisplay(data: MimeData): Child {
  const picture = drawPicture(data);
  if (picture) {
    return picture;
  }
  const text = join(data['text/plain']);
  if (text !== null) {
    return pre(plain(text), 'display', 'Output');
  }
  const html = join(data['text/html']);
  if (html === null) {
    return data['application/json'] === undefined
      ? null
      : pre(JSON.stringify(data['application/json'], null, 1), 'display', 'Output');
  }
  const clean = DOMPurify.sanitize(html, {
    FORBID_TAGS: ['style', 'form', 'input', 'button', 'img', 'video', 'audio', 'svg', 'math'],
    FORBID_ATTR: ['style', 'class', 'id', 'src', 'background'],
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true
  });
  return h('div', { class: 'endo-html' }, clean);
}

function drawTable(table: NonNullable<Outcome['table']>): HTMLElement {
  const head = h('tr', {}, ...table.columns.map(name => h('th', { scope: 'col' }, visible(name))));
  const row = (cells: string[]): HTMLElement => h('tr', {}, ...cells.map(cell => h('td', {}, visible(cell))));
  return h(
    'div',
    { class: 'endo-scroll', tabindex: 0, role: 'region', 'aria-label': 'Table' },
    h('table', { class: 'endo-table' }, h('thead', {}, head), h('tbody', {}, ...table.rows.map(row))),
    table.more && h('div', { class: 'endo-muted endo-small' }, table.more)
  );
}

function drawAnswer(answer: { [field: string]: Json }): HTMLElement {
  const pairs = Object.entries(answer).flatMap(([name, value]) => [
    h('dt', {}, name),
    h('dd', {}, typeof value === 'string' ? visible(value) : JSON.stringify(value))
  ]);
  return h('dl', { class: 'endo-answer' }, ...pairs);
}

function drawError(error: NonNullable<Outcome['error']>): HTMLElement {
  const head = h('div', { class: 'endo-error-line' }, h('b', {}, error.type), `: ${plain(error.message)}`);
  return h(
    'div',
    { class: 'endo-error' },
    head,
    error.traceback &&
      h(
        'details',
        {},
        h('summary', { class: 'endo-small endo-muted' }, 'Traceback'),
        pre(plain(error.traceback), 'traceback', 'Traceback')
      )
  );
}

/** Draw all that is known of an outcome; nothing where there is nothing to see. */
export function drawOutcome(outcome: Outcome): Child[] {
  const output = outcome.output.map(item =>
    item.kind === 'stream'
      ? pre(plain(item.text), item.name === 'stderr' ? 'stderr' : 'stdout', item.name)
      : drawDisplay(item.data)
  );
  return [
    ...output,
    outcome.table && drawTable(outcome.table),
    !outcome.table && outcome.text !== null && pre(plain(outcome.text), 'value', 'Result'),
    outcome.answer && drawAnswer(outcome.answer),
    outcome.error && drawError(outcome.error)
  ];
}
