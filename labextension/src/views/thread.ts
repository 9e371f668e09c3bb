/** A task as a thread: head, plan, entries in order, and a place to write. */

import type { ViewModel } from '../model';
import type { Entry, TaskHead, View } from '../protocol';
import { arrange, button, h, origin, setAttribute } from './dom';
import { EntryView } from './entry';
import { Header } from './header';
import { Reply } from './reply';
import type { Pane } from './pane';

const LIVE = 'live';
const ENDED = new Set(['done', 'cancelled']);

function speaker(head: TaskHead): string {
  return head.rehearsal ? 'Rehearsal' : 'Claude';
}

export class ThreadPane implements Pane {
  readonly node = h('section', { class: 'endo-thread' });

  constructor(private readonly model: ViewModel) {
    this.header = new Header(model);
    this.reply = new Reply(model);
    this.more = button('', () => void this.fetchEarlier(), { class: 'endo-link endo-small endo-earlier' });
  }

  update(view: View): void {
    const head = view.head as TaskHead;
    setAttribute(this.node, 'aria-label', `Task: ${head.title}`);
    this.header.update(head);
    this.reply.update(head);
    this.drawMore();
    const shown = [...this.model.older.entries, ...view.order.map(key => view.entries[key])];
    const live = this.liveEntry(head, view);
    const entries = live ? [...shown, live] : shown;
    const known = new Map<string, EntryView>();
    for (const entry of entries) {
      known.set(entry.key, this.updateEntry(entry));
    }
    this.known = known;
    arrange(
      this.list,
      [...known.values()].map(each => each.node)
    );
    const ended = ENDED.has(head.status);
    arrange(this.node, [this.header.node, this.more, this.list, !ended && this.reply.node]);
  }

  refresh(): void {
    this.header.refresh();
    this.reply.refresh();
    this.more.disabled = !!this.model.blocked;
    this.known.forEach(each => each.refresh());
  }

  onKey(event: KeyboardEvent): boolean {
    const inside = [...this.known.values()].find(each => each.card?.node.contains(origin(event)));
    return inside?.card?.onKey(event) ?? false;
  }

  private updateEntry(entry: Entry): EntryView {
    const known = this.known.get(entry.key);
    const same = known && known.kind === entry.kind;
    const view = same ? known : new EntryView(entry, this.model);
    const { state } = this.model;
    view.update(entry, entry.key === LIVE && state.kind === 'live' ? state.text : null);
    return view;
  }

  /** Streamed text that came before the view with an entry for it. */
  private liveEntry(head: TaskHead, view: View): Entry | null {
    const { state } = this.model;
    if (state.kind !== 'live' || state.text === null || view.entries[LIVE]) {
      return null;
    }
    return { key: LIVE, kind: 'live', at: '', who: speaker(head), text: state.text };
  }

  private drawMore(): void {
    const { left } = this.model.older;
    this.more.textContent = this.failure ?? `Show ${left} earlier ${left === 1 ? 'entry' : 'entries'}`;
    this.more.hidden = left === 0;
  }

  private async fetchEarlier(): Promise<void> {
    try {
      this.failure = null;
      await this.model.fetchEarlier();
    } catch (error) {
      this.failure = `Earlier entries could not be fetched: ${(error as Error).message} Try again`;
      this.drawMore();
    }
  }

  private readonly header: Header;
  private readonly reply: Reply;
  private readonly more: HTMLButtonElement;
  private readonly list = h('div', { class: 'endo-entries' });
  private known = new Map<string, EntryView>();
  private failure: string | null = null;
}
