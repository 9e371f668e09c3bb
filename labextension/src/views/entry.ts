/** One entry of a thread: who spoke and when, beside what was said or the card that was drawn. */

import type { Entry } from '../protocol';
import { Daemon } from './attempt';
import { CardView } from './card';
import { arrange, h, Section, setAttribute, setText } from './dom';
import { drawMarkdown } from './markdown';
import { visible } from './visible';
import { clock, longTime } from './wording';

const QUEUED = 'delivered after the cards';

function who(entry: Entry): string {
  switch (entry.kind) {
    case 'host':
      return 'You';
    case 'agent':
    case 'live':
      return entry.who;
    case 'card':
      return entry.card.state === 'open' || entry.card.state === 'unknown' ? 'Card' : '';
    default:
      return '';
  }
}

export class EntryView {
  readonly node = h('div', { class: 'endo-entry' });
  readonly card: CardView | null;
  readonly kind: Entry['kind'];

  constructor(entry: Entry, daemon: Daemon) {
    this.kind = entry.kind;
    this.card = entry.kind === 'card' ? new CardView(daemon, false) : null;
    arrange(this.node, [this.margin.node, this.card ? this.card.node : this.body.node]);
    this.update(entry);
  }

  update(entry: Entry, streamed: string | null = null): void {
    if (entry === this.entry && streamed === this.streamed) {
      return;
    }
    this.entry = entry;
    this.streamed = streamed;
    this.node.className = `endo-entry endo-entry-${entry.kind}`;
    const by = who(entry);
    this.node.classList.toggle('endo-entry-follows', entry.kind === 'card' && by === '');
    this.margin.show([by, entry.at], () => [
      h('span', { class: 'endo-who-name' }, by),
      by && h('time', { datetime: entry.at, title: longTime(entry.at) }, clock(entry.at))
    ]);
    this.margin.node.hidden = false;
    if (entry.kind === 'card') {
      this.card?.update(entry.card);
    } else {
      this.drawBody(entry, streamed);
    }
  }

  refresh(): void {
    this.card?.refresh();
  }

  private drawBody(entry: Exclude<Entry, { kind: 'card' }>, streamed: string | null): void {
    const text = streamed ?? entry.text;
    this.body.show(
      [entry.kind, text, entry.kind === 'host' && entry.queued, entry.kind === 'note' && entry.level],
      () => {
        switch (entry.kind) {
          case 'host':
            return [
              h('p', { class: 'endo-said' }, text),
              entry.queued && h('span', { class: 'endo-chip endo-tone-idle' }, QUEUED)
            ];
          case 'note':
            return [h('p', { class: `endo-note endo-note-${entry.level}` }, visible(text))];
          default:
            return [h('div', { class: 'endo-markdown' }, drawMarkdown(text))];
        }
      }
    );
    setAttribute(this.body.node, 'aria-busy', entry.kind === 'live' ? 'true' : null);
    if (entry.kind === 'live' && text === '') {
      setText(this.body.node, '…');
    }
  }

  private entry: Entry | null = null;
  private streamed: string | null = null;
  private readonly margin = new Section(h('div', { class: 'endo-who' }));
  private readonly body = new Section(h('div', { class: 'endo-body' }));
}
