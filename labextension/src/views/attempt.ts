/**
 * One act at a time, with its failure shown where it was tried.
 *
 * While a request is on its way, and after a success until the card is drawn anew, nothing more is sent: a double
 * click is one decision.
 */

import type { ViewModel } from '../model';
import type { Request } from '../protocol';
import { h, setText } from './dom';

/** The part of a view's model that acting needs. */
export type Daemon = Pick<ViewModel, 'ask' | 'blocked'>;

/** After this long without an answer the page says that it waits. */
const SLOW = 4000;
/** After this long a success that changed nothing lets the host act again. */
const SETTLE = 5000;

export class Attempt {
  /** The failure, told to screen readers at once. */
  readonly alert = h('div', { class: 'endo-alert', role: 'alert', hidden: true });
  readonly waiting = h('div', { class: 'endo-small endo-muted endo-waiting-line', role: 'status', hidden: true });

  constructor(
    private readonly daemon: Daemon,
    private readonly changed: () => void
  ) {}

  get busy(): boolean {
    return this.state !== 'idle';
  }

  /** Send a request unless one is on its way; says whether it was done. */
  async make(request: Request): Promise<boolean> {
    if (this.busy) {
      return false;
    }
    this.say('');
    this.become('sent');
    const slow = setTimeout(() => this.wait('The kernel has not answered yet.'), SLOW);
    try {
      await this.daemon.ask(request);
      this.become('done');
      this.timer = setTimeout(() => this.settle(), SETTLE);
      return true;
    } catch (error) {
      this.become('idle');
      this.say(error instanceof Error ? error.message : String(error));
      return false;
    } finally {
      clearTimeout(slow);
      this.wait('');
    }
  }

  /** What was asked for is on the page now: the next act may come. */
  settle(): void {
    if (this.state === 'done') {
      clearTimeout(this.timer);
      this.become('idle');
    }
  }

  say(text: string): void {
    setText(this.alert, text);
    this.alert.hidden = text === '';
  }

  private wait(text: string): void {
    setText(this.waiting, text);
    this.waiting.hidden = text === '';
  }

  private become(state: 'idle' | 'sent' | 'done'): void {
    this.state = state;
    this.changed();
  }

  private state: 'idle' | 'sent' | 'done' = 'idle';
  private timer: ReturnType<typeof setTimeout> | undefined;
}
