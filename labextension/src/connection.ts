/**
 * The page's side of the talk with one daemon: requests paired with replies, and views that stay subscribed.
 *
 * A connection outlives the channel under it: when the channel comes back (kernel restart, reconnect), every view
 * says hello again. It knows nothing of Jupyter; a `Channel` brings the messages.
 */

import { Message, Request } from './protocol';
import { Signal, Stop } from './signal';

/** Whether the daemon can be reached now. */
export type ChannelState = 'connected' | 'connecting' | 'no kernel' | 'no endo';

/** Something that carries messages to a daemon and back. */
export interface Channel {
  readonly state: ChannelState;
  readonly stateChanged: Signal<ChannelState>;
  readonly received: Signal<Message>;
  /** Try again where an earlier try found no daemon. */
  retry(): void;
  send(message: object): void;
  dispose(): void;
}

/** A view that wants to hear of what it shows. */
export interface Subscriber {
  readonly id: string;
  hello(): Request;
  receive(message: Exclude<Message, { type: 'reply' }>): void;
  refused(error: DaemonError): void;
  channelChanged(): void;
}

/** What the daemon answered instead of doing what was asked. */
export class DaemonError extends Error {
  constructor(
    message: string,
    readonly kind: string
  ) {
    super(message);
  }
}

interface Pending {
  resolve: (result: unknown) => void;
  reject: (error: DaemonError) => void;
}

export class Connection {
  constructor(private readonly channel: Channel) {
    this.stops = [
      channel.received.connect(message => this.onMessage(message)),
      channel.stateChanged.connect(() => this.onState())
    ];
  }

  get state(): ChannelState {
    return this.channel.state;
  }

  /** Keep a view subscribed until the returned function is called. */
  subscribe(view: Subscriber): Stop {
    this.views.set(view.id, view);
    if (this.channel.state === 'no endo') {
      this.channel.retry();
    }
    view.channelChanged();
    this.greet(view);
    return () => {
      if (this.views.delete(view.id) && this.channel.state === 'connected') {
        this.request({ op: 'bye', view: view.id }).catch(() => undefined);
      }
    };
  }

  /** Ask the daemon; rejects with a `DaemonError` that says what was wrong. */
  request(request: Request): Promise<unknown> {
    if (this.channel.state !== 'connected') {
      return Promise.reject(new DaemonError('The kernel cannot be reached. Nothing was sent.', 'Disconnected'));
    }
    const n = ++this.count;
    return new Promise((resolve, reject) => {
      this.pending.set(n, { resolve, reject });
      this.channel.send({ n, ...request });
    });
  }

  /** Subscribe a view anew, for instance after a gap in what it heard. */
  greet(view: Subscriber): void {
    if (this.channel.state !== 'connected') {
      return;
    }
    this.request(view.hello()).catch((error: unknown) => {
      if (error instanceof DaemonError && error.kind !== 'Disconnected' && this.views.has(view.id)) {
        view.refused(error);
      }
    });
  }

  dispose(): void {
    this.stops.forEach(stop => stop());
    this.abandon();
    this.views.clear();
    this.channel.dispose();
  }

  private onMessage(message: Message): void {
    if (message.type !== 'reply') {
      this.views.get(message.view)?.receive(message);
      return;
    }
    const pending = this.pending.get(message.n);
    this.pending.delete(message.n);
    if (message.ok) {
      pending?.resolve(message.result);
    } else {
      pending?.reject(new DaemonError(message.error, message.kind));
    }
  }

  private onState(): void {
    // Whoever was waiting for an answer on the old channel will not get one, even if a new channel opened at once.
    this.abandon();
    for (const view of [...this.views.values()]) {
      view.channelChanged();
      this.greet(view);
    }
  }

  private abandon(): void {
    const lost = [...this.pending.values()];
    this.pending.clear();
    const text = 'The connection to the kernel was lost before it answered. What was decided shows when it is back.';
    lost.forEach(pending => pending.reject(new DaemonError(text, 'Disconnected')));
  }

  private count = 0;
  private readonly pending = new Map<number, Pending>();
  private readonly views = new Map<string, Subscriber>();
  private readonly stops: Stop[];
}
