/** An open definition: code to read, slots to fill, and the decision to run it. */

import type { Card, Request } from '../protocol';
import { Daemon } from './attempt';
import { drawCode } from './code';
import { arrange, button, Child, h, Section, setText } from './dom';
import { Editor } from './editor';
import type { Face } from './face';
import { Slots } from './slots';
import { drawFacts, drawTop } from './top';
import { Verdict } from './verdict';
import { APPROVE_KEYS } from './wording';

function hints(): Child[] {
  const key = (name: string, does: string): HTMLElement => h('span', {}, h('kbd', {}, name), ` ${does}`);
  return [key(APPROVE_KEYS, 'approve'), key('e', 'edit'), key('r', 'reject')];
}

export class DefinitionFace implements Face {
  readonly node = h('div', { class: 'endo-open' });

  constructor(
    private card: Card,
    daemon: Daemon,
    private readonly withTask: boolean
  ) {
    this.editButton = button('Edit', () => this.edit());
    this.slots = new Slots(() => this.verdict.refresh());
    this.verdict = new Verdict(daemon, {
      label: 'Approve and run',
      decide: () => this.decide(),
      focusMissing: () => this.slots.focusOpen(),
      extra: [this.editButton],
      hints
    });
    this.shown = card.digest;
    this.update(card);
  }

  update(card: Card): void {
    if (JSON.stringify(card) !== JSON.stringify(this.card)) {
      this.verdict.settle();
    }
    this.card = card;
    this.top.show([card.title, card.explanation, card.realm, this.withTask], () => drawTop(card, this.withTask));
    this.code.show([card.code, card.slots.map(slot => slot.name)], () => [
      drawCode(
        card.code ?? '',
        card.slots.map(slot => slot.name)
      )
    ]);
    this.facts.show([card.reading, card.result], () => drawFacts(card));
    this.slots.update(card.slots);
    this.notice.hidden = card.digest === this.shown;
    this.draw();
  }

  /** Bring the actions in line with whether the daemon can be asked. */
  refresh(): void {
    this.verdict.refresh();
  }

  approve(): void {
    this.verdict.approve();
  }

  reject(): void {
    this.verdict.reject();
  }

  edit(): void {
    if (this.editButton.disabled) {
      return;
    }
    this.editing = !this.editing;
    if (this.editing) {
      this.editor ??= new Editor(this.card, () => this.verdict.refresh());
    }
    this.draw();
    (this.editing ? this.editor : this.editButton)?.focus();
  }

  private decide(): Request | string {
    const picked = this.slots.bindings;
    if (!picked.ready) {
      return picked.why;
    }
    const edits = this.editing && this.editor ? this.editor.edits : {};
    return { op: 'endow', card: this.card.number, digest: this.card.digest, bindings: picked.bindings, ...edits };
  }

  private draw(): void {
    const body = this.editing && this.editor ? [this.editor.node] : [this.code.node, this.facts.node];
    arrange(this.node, [this.top.node, ...body, this.slots.node, this.notice, this.verdict.node]);
    setText(this.editButton, this.editing ? 'Leave it as it was' : this.editor ? 'Edit again' : 'Edit');
    this.verdict.update(this.card, this.editing ? 'Approve as edited' : 'Approve and run');
  }

  private readonly shown: string;
  private readonly top = new Section(h('div'));
  private readonly code = new Section(h('div'));
  private readonly facts = new Section(h('div', { class: 'endo-facts endo-small endo-muted' }));
  private readonly notice = h(
    'div',
    { class: 'endo-notice endo-warn-text endo-small', role: 'status', hidden: true },
    'This card has changed since you first saw it. Read it again before you decide.'
  );
  private readonly slots: Slots;
  private readonly editButton: HTMLButtonElement;
  private readonly verdict: Verdict;
  private editor: Editor | null = null;
  private editing = false;
}
