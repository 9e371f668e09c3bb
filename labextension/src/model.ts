/**
 * What one view knows: the record it started from, then what the daemon says, in order.
 *
 * The model holds no truth of its own. It notices gaps in what it heard and asks again, keeps earlier entries that
 * the host fetched, and emits one signal whenever there is something else to draw.
 */

import { ChannelState, Connection, DaemonError, Subscriber } from './connection';
import { Earlier, Entry, Message, Request, Show, View, ViewMessage, ViewRecord } from './protocol';
import { Signal, Stop } from './signal';

/** Where the content comes from, and whether acting on it is possible. */
export type ViewState =
  { kind: 'blank' } | { kind: 'record'; view: View } | { kind: 'live'; view: View; seq: number; text: string | null };

/** Why nobody can act on this view now. */
export type Blocked = 'no notebook' | ChannelState | { refused: string } | { readonly: string };

/** What changed: text that streams is not worth keeping in a record. */
export type Change = 'view' | 'text';

let views = 0;

/** A view's id: unique among the pages that talk to one daemon. */
function newId(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 10)}-${++views}`;
}

export class ViewModel implements Subscriber {
  readonly id = newId();
  readonly changed = new Signal<Change>();

  constructor(
    readonly show: Show,
    private readonly options: { connection: Connection | null; record?: ViewRecord | null; path?: () => string }
  ) {
    this._store = options.record?.store ?? '';
    this._state = options.record ? { kind: 'record', view: options.record.view } : { kind: 'blank' };
    this.stop = options.connection?.subscribe(this) ?? (() => undefined);
  }

  get state(): ViewState {
    return this._state;
  }

  get store(): string {
    return this._store;
  }

  /** Earlier entries that the host asked for, oldest first, and how many are older still. */
  get older(): { entries: Entry[]; left: number } {
    const head = this.view?.head;
    return this._older ?? { entries: [], left: head?.kind === 'task' ? head.earlier : 0 };
  }

  get view(): View | null {
    return this._state.kind === 'blank' ? null : this._state.view;
  }

  /** Why nobody can act now; null where acting is possible. */
  get blocked(): Blocked | null {
    const { connection } = this.options;
    if (!connection) {
      return 'no notebook';
    }
    if (this.refusal !== null) {
      return { refused: this.refusal };
    }
    if (connection.state !== 'connected') {
      return connection.state;
    }
    if (this._state.kind !== 'live' || this.stale) {
      return 'connecting';
    }
    const readonly = this._state.view.head.readonly;
    return readonly ? { readonly } : null;
  }

  /** Ask the daemon to act. */
  ask(request: Request): Promise<unknown> {
    const { connection } = this.options;
    if (!connection) {
      return Promise.reject(new DaemonError('This is a record. Open it in its notebook to act on it.', 'Disconnected'));
    }
    return connection.request(request);
  }

  /** Fetch entries from before the first one known. */
  async fetchEarlier(): Promise<void> {
    const view = this.view;
    if (view?.head.kind !== 'task') {
      return;
    }
    const known = [...this.older.entries.map(entry => entry.key), ...view.order];
    // Only what the agent said or asked has a place in the conversation to count from.
    const before = known.find(key => /^[tc]\d/.test(key)) ?? known[0];
    const result = (await this.ask({ op: 'earlier', task: view.head.id, before })) as Earlier;
    const entries = result.entries.filter(entry => !known.includes(entry.key));
    this._older = { entries: [...entries, ...this.older.entries], left: result.earlier };
    this.changed.emit('view');
  }

  /** Show another record, unless the daemon already tells more than records do. */
  showRecord(record: ViewRecord): void {
    this._store = record.store;
    if (this._state.kind !== 'live' || this.blocked) {
      this._state = { kind: 'record', view: record.view };
      this.changed.emit('view');
    }
  }

  hello(): Request {
    const hello: Request = { op: 'hello', view: this.id, show: this.show };
    if (this._store) {
      hello.store = this._store;
    }
    const path = this.options.path?.();
    return path ? { ...hello, path } : hello;
  }

  receive(message: Exclude<Message, { type: 'reply' }>): void {
    this.refusal = null;
    if (message.type === 'view') {
      this.receiveView(message);
    } else if (this._state.kind === 'live') {
      this._state = { ...this._state, text: message.text };
      this.changed.emit('text');
    }
  }

  refused(error: DaemonError): void {
    this.refusal = error.message;
    this.changed.emit('view');
  }

  channelChanged(): void {
    this.refusal = null;
    this.stale = true;
    this.asked = false;
    this.changed.emit('view');
  }

  dispose(): void {
    this.stop();
  }

  private receiveView(message: ViewMessage): void {
    const before = this._state;
    if (!message.full && (before.kind !== 'live' || this.stale || message.seq !== before.seq + 1)) {
      this.askAgain();
      return;
    }
    const known = message.full || before.kind !== 'live' ? {} : before.view.entries;
    const entries: View['entries'] = {};
    for (const key of message.order) {
      const entry = message.entries[key] ?? known[key];
      if (!entry) {
        this.askAgain();
        return;
      }
      entries[key] = entry;
    }
    this.stale = false;
    this.asked = false;
    // What was heard before this may belong to an answer that is complete by now; the entry says how far this one is.
    const text = entries.live?.kind === 'live' ? entries.live.text : null;
    const view = { head: message.head, order: message.order, entries };
    this._state = { kind: 'live', view, seq: message.seq, text };
    this.forgetRepeated(view);
    this.changed.emit('view');
  }

  /** Ask once for the whole view; what comes before it is of no use. */
  private askAgain(): void {
    if (!this.asked) {
      this.asked = true;
      this.options.connection?.greet(this);
    }
  }

  /** An entry that the view itself now holds is not shown a second time. */
  private forgetRepeated(view: View): void {
    if (this._older) {
      this._older.entries = this._older.entries.filter(entry => !view.entries[entry.key]);
    }
  }

  private _state: ViewState;
  private _store: string;
  private _older: { entries: Entry[]; left: number } | null = null;
  private refusal: string | null = null;
  private stale = true;
  private asked = false;
  private readonly stop: Stop;
}
