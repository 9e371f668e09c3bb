/** A decided card on one line, with its code behind a disclosure and what it gave below. */

import type { Bound, Card, CardState, Slot } from '../protocol';
import { drawCode } from './code';
import { Child, h, Section } from './dom';
import type { Face } from './face';
import { drawOutcome } from './outcome';
import { drawFacts, drawRealm } from './top';
import { visible } from './visible';
import { clock, longTime, seconds, stateWord } from './wording';

const MARKS: Partial<Record<CardState, string>> = {
  done: '✓',
  failed: '✗',
  rejected: '⊘',
  withdrawn: '⊘',
  expired: '⊘',
  approved: '…'
};

const TONES: Partial<Record<CardState, string>> = { done: 'done', failed: 'error', running: 'run', approved: 'run' };

function drawMark(card: Card): HTMLElement {
  const label = stateWord(card);
  if (card.state === 'running') {
    return h('span', { class: 'endo-spinner', role: 'img', 'aria-label': label });
  }
  const tone = TONES[card.state] ?? 'idle';
  return h('span', { class: `endo-tone-${tone}`, role: 'img', 'aria-label': label }, MARKS[card.state] ?? '·');
}

/** Code is approved; a question is answered. */
function decidedWord(card: Card): string {
  const what = card.decided?.what ?? '';
  return what === 'approved' && card.kind !== 'definition' ? 'answered' : what;
}

function decision(card: Card): string | null {
  const { decided } = card;
  if (!decided) {
    return null;
  }
  const edited = decided.edited ? ' with edits' : '';
  const who = decided.what === 'expired' ? '' : ` by ${decided.who}`;
  return `${decidedWord(card)}${edited}${who} ${clock(decided.at)}`;
}

/** How the step went, in short: what the result is, the error, how long it took, who decided. */
function told(card: Card): string {
  const { outcome } = card;
  const parts = [decision(card)];
  if (outcome) {
    const error = outcome.status === 'failed' && outcome.error ? visible(outcome.error.type) : null;
    const detail = outcome.detail === null ? null : visible(outcome.detail);
    parts.unshift(detail, error, outcome.seconds === null ? null : seconds(outcome.seconds));
  }
  return parts.filter(Boolean).join(' · ');
}

/** What the line says after the title. */
function drawSummary(card: Card): Child[] {
  if (card.state === 'approved' && card.queued) {
    return [visible(card.queued)];
  }
  if (card.state === 'running') {
    return ['running…'];
  }
  const name = card.outcome?.result;
  const text = told(card);
  return name ? ['→ ', h('span', { class: 'endo-mono' }, visible(name)), text && ` · ${text}`] : [text];
}

function drawSlot(slot: Slot): HTMLElement[] {
  const bound: Bound | null = slot.bound;
  const value = bound ? `${bound.label} ${bound.origin} ${bound.detail}` : '';
  return [
    h('dt', {}, h('span', { class: 'endo-mono endo-py-slot' }, slot.name)),
    h('dd', {}, visible(slot.label), ' ', h('span', { class: 'endo-muted' }, visible(value)))
  ];
}

/** The code that ran and what filled its slots. */
export function drawDetails(card: Card): Child[] {
  const names = card.slots.map(slot => slot.name);
  const { decided } = card;
  const at = decided && `${decidedWord(card)}${decided.who && ` by ${decided.who}`} at ${longTime(decided.at)}`;
  return [
    card.explanation &&
      card.state !== 'unknown' &&
      h('p', { class: 'endo-explanation endo-muted' }, visible(card.explanation)),
    card.code !== null && drawCode(card.code, names),
    card.code !== null &&
      h('div', { class: 'endo-facts endo-small endo-muted' }, ...drawFacts(card), drawRealm(card.realm)),
    names.length > 0 && h('dl', { class: 'endo-bindings endo-small' }, ...card.slots.flatMap(drawSlot)),
    at && h('div', { class: 'endo-facts endo-small endo-muted' }, at)
  ];
}

function drawWhy(card: Card): Child {
  const why = card.decided?.why;
  return why ? h('div', { class: 'endo-decided-why endo-small' }, `“${visible(why)}”`) : null;
}

export class StepFace implements Face {
  readonly node: HTMLElement;

  constructor(
    card: Card,
    private readonly withTask: boolean
  ) {
    this.disclosure = h('details', { class: 'endo-step' }, this.line.node, this.body.node);
    this.node = h('div', {}, this.disclosure, this.outcome.node);
    // Code of settled cards is drawn when somebody looks: a long thread has many.
    this.disclosure.addEventListener('toggle', () => this.drawBody());
    this.card = card;
    this.update(card);
  }

  update(card: Card): void {
    this.card = card;
    const struck = ['rejected', 'withdrawn', 'expired'].includes(card.state);
    this.line.show({ ...card, code: null, slots: null }, () => [
      drawMark(card),
      h('span', { class: struck ? 'endo-struck' : '' }, `#${card.number} ${visible(card.title)}`),
      this.withTask && h('span', { class: 'endo-muted' }, visible(card.task_title)),
      h('span', { class: 'endo-muted endo-step-told' }, ...drawSummary(card))
    ]);
    this.outcome.show([card.outcome, card.decided?.why, card.state], () => [
      drawWhy(card),
      ...(card.outcome ? drawOutcome(card.outcome) : [])
    ]);
    this.drawBody();
  }

  refresh(): void {
    return;
  }

  private drawBody(): void {
    if (this.disclosure.open) {
      this.body.show([this.card.code, this.card.slots, this.card.decided], () => drawDetails(this.card));
    }
  }

  private card: Card;
  private readonly line = new Section(h('summary', { class: 'endo-step-line endo-small' }));
  private readonly body = new Section(h('div', { class: 'endo-details' }));
  private readonly outcome = new Section(h('div', { class: 'endo-outcome' }));
  private readonly disclosure: HTMLElement & { open: boolean };
}
