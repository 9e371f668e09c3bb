/** A daemon's end of a channel, played by a test. */

import { Channel, ChannelState, Connection } from '../src/connection';
import type { Message, Numbered, View } from '../src/protocol';
import { Signal } from '../src/signal';

export class FakeChannel implements Channel {
  readonly stateChanged = new Signal<ChannelState>();
  readonly received = new Signal<Message>();
  readonly sent: Numbered[] = [];
  retries = 0;
  disposed = false;

  constructor(private _state: ChannelState = 'connected') {}

  get state(): ChannelState {
    return this._state;
  }

  become(state: ChannelState): void {
    this._state = state;
    this.stateChanged.emit(state);
  }

  retry(): void {
    this.retries++;
  }

  send(message: object): void {
    this.sent.push(message as Numbered);
  }

  dispose(): void {
    this.disposed = true;
  }

  /** The last request of a kind. */
  last<Op extends Numbered['op']>(op: Op): Extract<Numbered, { op: Op }> {
    const found = this.all(op).pop();
    if (!found) {
      throw new Error(`no ${op} was sent`);
    }
    return found;
  }

  all<Op extends Numbered['op']>(op: Op): Extract<Numbered, { op: Op }>[] {
    return this.sent.filter((each): each is Extract<Numbered, { op: Op }> => each.op === op);
  }

  accept(op: Numbered['op'], result: unknown = null): void {
    this.received.emit({ type: 'reply', n: this.last(op).n, ok: true, result });
  }

  refuse(op: Numbered['op'], error: string, kind: string): void {
    this.received.emit({ type: 'reply', n: this.last(op).n, ok: false, error, kind });
  }

  /** Send a view to whoever said hello last. */
  show(view: View, seq: number, full = true): void {
    this.received.emit({ type: 'view', view: this.last('hello').view, seq, full, ...view });
  }

  stream(text: string): void {
    this.received.emit({ type: 'text', view: this.last('hello').view, key: 'live', text });
  }
}

export function connect(state: ChannelState = 'connected'): { channel: FakeChannel; connection: Connection } {
  const channel = new FakeChannel(state);
  return { channel, connection: new Connection(channel) };
}

/** Let promises and coalesced drawing run. */
export function settle(ms = 30): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
