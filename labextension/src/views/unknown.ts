/** A card whose code ran when the process died: nobody knows how it ended, so the host says what to do. */

import type { Card, Request } from '../protocol';
import { Attempt, Daemon } from './attempt';
import { arrange, button, h, Section, setAttribute, setText } from './dom';
import type { Face } from './face';
import { Picker } from './picker';
import { Reason } from './reason';
import { drawDetails } from './step';
import { drawTop } from './top';
import { blockedText, UNKNOWN } from './wording';

export class UnknownFace implements Face {
  readonly node = h('div', { class: 'endo-open' });

  constructor(
    private card: Card,
    private readonly daemon: Daemon,
    private readonly withTask: boolean
  ) {
    this.attempt = new Attempt(daemon, () => this.refresh());
    this.again = button('Run again', () => this.act({ op: 'rerun', card: this.card.number }));
    this.give = button('Give a result…', () => this.openResult());
    this.fail = button('Mark failed…', () => this.reason.open());
    this.reason = new Reason(
      { label: 'What happened? The agent is told.', confirm: 'Mark failed' },
      reason => this.act({ op: 'fail', card: this.card.number, reason }),
      () => this.fail
    );
    this.picker = new Picker('the result', () => this.refresh());
    this.use = button('Use this result', () => this.resolve(), { class: 'endo-button endo-primary' });
    const back = button('Back', () => this.closeResult());
    this.result = h('div', { class: 'endo-give', hidden: true }, this.picker.node, this.use, back);
    const row = h('div', { class: 'endo-actions' }, this.again, this.give, this.fail, this.why);
    const told = h('p', { class: 'endo-explanation endo-warn-text' }, UNKNOWN);
    const parts = [this.top.node, told, this.details.node, this.attempt.alert, row, this.attempt.waiting];
    arrange(this.node, [...parts, this.result, this.reason.node]);
    this.update(card);
  }

  update(card: Card): void {
    if (JSON.stringify(card) !== JSON.stringify(this.card)) {
      this.attempt.settle();
    }
    this.card = card;
    this.top.show([card.title, card.explanation, card.state, card.realm], () => drawTop(card, this.withTask));
    this.details.show([card.code, card.slots, card.decided], () => drawDetails(card));
    this.picker.update(card.candidates ?? []);
    this.refresh();
  }

  refresh(): void {
    const { blocked } = this.daemon;
    setText(this.why, blocked ? blockedText(blocked, 'decide on this card') : '');
    for (const each of [this.again, this.give, this.fail]) {
      each.disabled = !!blocked;
      setAttribute(each, 'aria-disabled', this.attempt.busy ? 'true' : null);
    }
    this.use.disabled = !!blocked || !this.picker.picked.ready;
  }

  private act(request: Request): void {
    if (!this.daemon.blocked) {
      void this.attempt.make(request);
    }
  }

  private resolve(): void {
    const { picked } = this.picker;
    if (picked.ready) {
      this.act({ op: 'resolve', card: this.card.number, binding: picked.binding });
    }
  }

  private openResult(): void {
    this.result.hidden = false;
    this.picker.focus();
  }

  private closeResult(): void {
    this.result.hidden = true;
    this.give.focus();
  }

  private readonly top = new Section(h('div'));
  private readonly details = new Section(h('div', { class: 'endo-details' }));
  private readonly why = h('span', { class: 'endo-small endo-muted endo-why-not' });
  private readonly attempt: Attempt;
  private readonly again: HTMLButtonElement;
  private readonly give: HTMLButtonElement;
  private readonly fail: HTMLButtonElement;
  private readonly use: HTMLButtonElement;
  private readonly reason: Reason;
  private readonly picker: Picker;
  private readonly result: HTMLElement;
}
