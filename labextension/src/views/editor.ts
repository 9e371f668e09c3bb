/** Changing a definition before it is approved: its code, its realm, the name of its result. */

import type { Card, Realm } from '../protocol';
import { h, setText } from './dom';
import { findHidden } from './visible';
import { REALMS } from './wording';

/** What the host changed; the rest stays as the agent wrote it. */
export interface Edits {
  code?: string;
  realm?: Realm;
  result?: string;
}

export class Editor {
  readonly node: HTMLElement;

  constructor(
    private readonly card: Card,
    changed: () => void
  ) {
    const code = card.code ?? '';
    this.code = h('textarea', {
      class: 'endo-editor endo-mono',
      'aria-label': 'Code',
      spellcheck: 'false',
      autocapitalize: 'off',
      rows: Math.min(24, Math.max(4, code.split('\n').length + 1))
    });
    this.code.value = code;
    this.code.addEventListener('input', () => {
      this.warn();
      changed();
    });
    const option = (realm: Realm): HTMLElement => h('option', { value: realm }, REALMS[realm].badge);
    this.realm = h(
      'select',
      {
        on: {
          change: () => {
            this.warn();
            changed();
          }
        }
      },
      option('confined'),
      option('notebook')
    );
    this.realm.value = card.realm ?? 'notebook';
    this.result = h('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', on: { input: changed } });
    this.result.value = card.result ?? '';
    this.means = h('span', { class: 'endo-small endo-muted' });
    this.hidden = h('div', { class: 'endo-small endo-warn-text' });
    const where = h('label', {}, h('span', {}, 'where it runs '), this.realm);
    const name = h('label', {}, h('span', {}, 'result → '), this.result);
    this.node = h(
      'div',
      { class: 'endo-editing' },
      this.code,
      this.hidden,
      h('div', { class: 'endo-edit-row' }, where, this.means, name)
    );
    this.warn();
  }

  get edits(): Edits {
    const edits: Edits = {};
    // A browser's text area cannot hold a carriage return, so one that only it removed is not the host's edit.
    if (this.code.value !== (this.card.code ?? '').replace(/\r\n?/g, '\n')) {
      edits.code = this.code.value;
    }
    if (this.realm.value !== this.card.realm) {
      edits.realm = this.realm.value as Realm;
    }
    if (this.result.value.trim() && this.result.value.trim() !== (this.card.result ?? '')) {
      edits.result = this.result.value.trim();
    }
    return edits;
  }

  get currentRealm(): Realm {
    return this.realm.value as Realm;
  }

  focus(): void {
    this.code.focus();
    this.code.setSelectionRange(0, 0);
  }

  private warn(): void {
    const found = findHidden(this.code.value).slice(0, 8);
    setText(
      this.hidden,
      found.length ? `Characters that do not show: ${found.map(f => `${f.point} in line ${f.line}`).join(', ')}` : ''
    );
    setText(this.means, REALMS[this.realm.value as Realm].means);
  }

  private readonly code: HTMLTextAreaElement;
  private readonly realm: HTMLSelectElement;
  private readonly result: HTMLInputElement;
  private readonly means: HTMLElement;
  private readonly hidden: HTMLElement;
}
