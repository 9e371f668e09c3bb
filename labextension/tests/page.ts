/** A page for the views to draw on. Import it before anything that looks for a document. */

import { JSDOM } from 'jsdom';

const dom = new JSDOM('<!doctype html><body></body>', { pretendToBeVisual: true });

for (const name of [
  'AbortController',
  'Document',
  'Element',
  'Event',
  'HTMLElement',
  'KeyboardEvent',
  'Node',
  'ShadowRoot',
  'document',
  'window'
] as const) {
  Object.defineProperty(globalThis, name, {
    value: name === 'window' ? dom.window : dom.window[name],
    configurable: true
  });
}

/** Press a key where the focus is. */
export function press(key: string, init: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, composed: true, ...init });
  (document.activeElement ?? document.body).dispatchEvent(event);
  return event;
}

/** Put text into an input as typing would. */
export function type(input: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  input.focus();
  input.value = text;
  input.dispatchEvent(new Event('input', { bubbles: true }));
}

export function choose(select: HTMLSelectElement, value: string): void {
  select.value = value;
  select.dispatchEvent(new Event('change', { bubbles: true }));
}
