/** A short form that opens in place and asks why, before something is refused or ended. */

import { button, h } from './dom';

export class Reason {
  readonly node: HTMLElement;

  /** `opener` is where the focus goes back to when the host thinks better of it. */
  constructor(
    options: { label: string; confirm: string; back?: string; needed?: boolean },
    private readonly submit: (reason: string) => void,
    private readonly opener: () => HTMLElement
  ) {
    this.input = h('input', { type: 'text', autocomplete: 'off', required: options.needed ?? false });
    const confirm = h('button', { type: 'submit', class: 'endo-button' }, options.confirm);
    const back = button(options.back ?? 'Back', () => this.close());
    const label = h('label', { class: 'endo-reason-label' }, h('span', {}, options.label), this.input);
    this.node = h('form', { class: 'endo-reason', hidden: true }, label, confirm, back);
    this.node.addEventListener('submit', event => {
      event.preventDefault();
      this.submit(this.input.value.trim());
    });
    this.node.addEventListener('keydown', event => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        this.close();
      }
    });
  }

  open(): void {
    this.node.hidden = false;
    this.input.focus();
  }

  /** Fold the form away; what was typed stays for the next time. */
  close(): void {
    this.node.hidden = true;
    this.opener().focus();
  }

  private readonly input: HTMLInputElement;
}
