/** Where the host writes to a task. Enter sends; what is typed stays until the daemon has it. */

import type { TaskHead } from '../protocol';
import { Attempt, Daemon } from './attempt';
import { button, h, setAttribute, setText } from './dom';
import { blockedText } from './wording';

export class Reply {
  readonly node: HTMLElement;

  constructor(private readonly daemon: Daemon) {
    this.attempt = new Attempt(daemon, () => this.refresh());
    this.input = h('textarea', { rows: 1, 'aria-label': 'Message to this task' });
    this.input.addEventListener('input', () => this.onInput());
    this.input.addEventListener('keydown', event => this.onKey(event));
    this.send = button('Send', () => void this.submit());
    const label = h('label', { class: 'endo-withdraw endo-small' }, this.withdraw, this.withdrawText);
    this.withdrawRow = label;
    const row = h('div', { class: 'endo-reply' }, this.input, this.send);
    this.node = h('div', { class: 'endo-reply-area' }, row, this.withdrawRow, this.attempt.alert, this.attempt.waiting);
  }

  update(head: TaskHead): void {
    this.head = head;
    setAttribute(this.input, 'placeholder', head.reply_hint);
    const open = head.waiting_for.map(number => `#${number}`).join(', ');
    setText(this.withdrawText, ` Deliver it now and withdraw ${open}`);
    this.refresh();
  }

  refresh(): void {
    const { blocked } = this.daemon;
    const head = this.head;
    if (!head) {
      return;
    }
    this.input.disabled = !!blocked;
    this.send.disabled = !!blocked;
    setAttribute(this.input, 'placeholder', blocked ? blockedText(blocked, 'write to this task') : head.reply_hint);
    setAttribute(this.send, 'aria-disabled', this.attempt.busy || this.input.value.trim() === '' ? 'true' : null);
    this.withdrawRow.hidden = !!blocked || head.waiting_for.length === 0 || this.input.value.trim() === '';
  }

  private onInput(): void {
    this.input.style.height = 'auto';
    this.input.style.height = `${Math.min(this.input.scrollHeight + 2, 160)}px`;
    this.refresh();
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      event.stopPropagation();
      void this.submit();
    }
  }

  private async submit(): Promise<void> {
    const text = this.input.value.trim();
    if (!this.head || text === '' || this.daemon.blocked || this.attempt.busy) {
      return;
    }
    const withdraw = !this.withdrawRow.hidden && this.withdraw.checked;
    const typed = this.input.value;
    const request = { op: 'send', task: this.head.id, text } as const;
    if (await this.attempt.make(withdraw ? { ...request, withdraw } : request)) {
      // Only what was sent goes; what was typed meanwhile stays.
      this.input.value = this.input.value.startsWith(typed) ? this.input.value.slice(typed.length) : this.input.value;
      this.withdraw.checked = false;
      this.onInput();
      this.attempt.settle();
    }
  }

  private readonly input: HTMLTextAreaElement;
  private readonly send: HTMLButtonElement;
  private readonly withdraw = h('input', { type: 'checkbox' });
  private readonly withdrawText = h('span');
  private readonly withdrawRow: HTMLElement;
  private readonly attempt: Attempt;
  private head: TaskHead | null = null;
}
