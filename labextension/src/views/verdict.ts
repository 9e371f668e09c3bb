/** The row in which the host decides on an open card: the act itself, more acts, and the way to say no. */

import type { Card, Request } from '../protocol';
import { Attempt, Daemon } from './attempt';
import { button, Child, h, setAttribute, setText, uniqueId } from './dom';
import { Reason } from './reason';
import { blockedText } from './wording';

export interface VerdictOptions {
  label: string;
  /** What the card asks for, or why it is not complete. */
  decide(): Request | string;
  /** Put the focus where something is missing. */
  focusMissing(): void;
  extra?: HTMLButtonElement[];
  hints?: () => Child[];
}

export class Verdict {
  readonly node: HTMLElement;

  constructor(
    private readonly daemon: Daemon,
    private readonly options: VerdictOptions
  ) {
    this.attempt = new Attempt(daemon, () => this.refresh());
    const why = uniqueId();
    this.approveButton = button(options.label, () => this.approve(), {
      class: 'endo-button endo-primary',
      'aria-describedby': why
    });
    this.rejectButton = button('Reject…', () => this.reject());
    this.reason = new Reason(
      { label: 'Why not? The agent is told.', confirm: 'Reject' },
      reason => void this.attempt.make({ op: 'reject', ...this.shown(), reason }),
      () => this.rejectButton
    );
    this.why = h('span', { class: 'endo-small endo-muted endo-why-not', id: why });
    this.hints = h(
      'span',
      { class: 'endo-small endo-muted endo-hints', 'aria-hidden': 'true' },
      ...(options.hints?.() ?? [])
    );
    const buttons = [this.approveButton, ...(options.extra ?? []), this.rejectButton];
    const row = h(
      'div',
      { class: 'endo-actions' },
      ...buttons,
      this.why,
      h('span', { class: 'endo-spring' }),
      this.hints
    );
    this.node = h('div', {}, this.attempt.alert, row, this.attempt.waiting, this.reason.node);
  }

  update(card: Card, label = this.options.label): void {
    this.card = card;
    setText(this.approveButton, label);
    this.refresh();
  }

  /** The card was drawn anew. */
  settle(): void {
    this.attempt.settle();
  }

  approve(): void {
    const request = this.options.decide();
    if (typeof request === 'string') {
      this.options.focusMissing();
    } else if (!this.daemon.blocked) {
      void this.attempt.make(request);
    }
  }

  reject(): void {
    if (!this.daemon.blocked && !this.attempt.busy) {
      this.reason.open();
    }
  }

  /** Bring the buttons in line with what can be done now. */
  refresh(): void {
    const { blocked } = this.daemon;
    const request = this.options.decide();
    const why = blocked ? blockedText(blocked, 'decide on this card') : typeof request === 'string' ? request : '';
    setText(this.why, why);
    this.hints.hidden = why !== '';
    this.approveButton.disabled = !!blocked || typeof request === 'string';
    for (const each of [this.rejectButton, ...(this.options.extra ?? [])]) {
      each.disabled = !!blocked;
    }
    // A button that is disabled loses the focus, so one that only waits is marked instead; `Attempt` sends nothing.
    for (const each of [this.approveButton, this.rejectButton]) {
      setAttribute(each, 'aria-disabled', this.attempt.busy ? 'true' : null);
    }
    setAttribute(this.node, 'aria-busy', this.attempt.busy ? 'true' : null);
  }

  /** What a decision is bound to: the card as it was shown. */
  private shown(): { card: number; digest: string } {
    return { card: this.card?.number ?? 0, digest: this.card?.digest ?? '' };
  }

  private card: Card | null = null;
  private readonly attempt: Attempt;
  private readonly approveButton: HTMLButtonElement;
  private readonly rejectButton: HTMLButtonElement;
  private readonly reason: Reason;
  private readonly why: HTMLElement;
  private readonly hints: HTMLElement;
}
