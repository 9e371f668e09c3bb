/** Cards without a thread around them: the inbox over all tasks, or one card by its number. */

import type { ViewModel } from '../model';
import type { CardsHead, View } from '../protocol';
import { CardView } from './card';
import { arrange, h, hasFocus, origin, setText } from './dom';
import type { Pane } from './pane';

export class CardsPane implements Pane {
  readonly node = h('section', { class: 'endo-cards', tabindex: -1 });

  constructor(private readonly model: ViewModel) {}

  update(view: View): void {
    const head = view.head as CardsHead;
    const inbox = head.kind === 'inbox';
    this.node.setAttribute('aria-label', inbox ? 'Cards that wait for you' : 'Card');
    const focus = hasFocus(this.node);
    const cards = new Map<string, CardView>();
    for (const key of view.order) {
      const entry = view.entries[key];
      if (entry.kind === 'card') {
        const card = this.cards.get(key) ?? new CardView(this.model, true);
        card.update(entry.card);
        cards.set(key, card);
      }
    }
    this.cards = cards;
    setText(this.count, `${inbox ? head.count : cards.size}`);
    const empty = cards.size === 0 && this.empty;
    setText(this.empty, inbox ? 'Nothing waits for you.' : 'There is no such card.');
    arrange(this.node, [inbox && cards.size > 0 && this.heading, ...[...cards.values()].map(card => card.node), empty]);
    if (focus && !hasFocus(this.node)) {
      this.node.focus({ preventScroll: true });
    }
  }

  refresh(): void {
    this.cards.forEach(card => card.refresh());
  }

  onKey(event: KeyboardEvent): boolean {
    const card = [...this.cards.values()].find(each => each.node.contains(origin(event)));
    return card?.onKey(event) ?? false;
  }

  private readonly count = h('span', { class: 'endo-badge', role: 'status' });
  private readonly heading = h('h4', {}, 'Waiting for you ', this.count);
  private readonly empty = h('p', { class: 'endo-empty endo-muted' });
  private cards = new Map<string, CardView>();
}
