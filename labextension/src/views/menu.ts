/** A small menu behind a button: arrow keys move in it, Escape and leaving close it. */

import { arrange, h, setAttribute } from './dom';

export interface Item {
  label: string;
  disabled: boolean;
  act(): void;
}

export class Menu {
  readonly node: HTMLElement;
  readonly button: HTMLButtonElement;

  constructor(label: string) {
    this.list = h('div', { class: 'endo-menu', role: 'menu', 'aria-label': label, hidden: true });
    this.button = h(
      'button',
      {
        type: 'button',
        class: 'endo-icon',
        title: label,
        'aria-label': label,
        'aria-haspopup': 'menu',
        'aria-expanded': 'false',
        on: { click: () => this.toggle(this.list.hidden) }
      },
      '⋯'
    );
    this.node = h('span', { class: 'endo-menu-anchor' }, this.button, this.list);
    this.node.addEventListener('keydown', event => this.onKey(event));
    this.node.addEventListener('focusout', event => {
      if (!this.node.contains(event.relatedTarget as Node | null)) {
        this.toggle(false);
      }
    });
  }

  show(items: readonly Item[]): void {
    const same = items.map(item => [item.label, item.disabled]);
    this.node.hidden = items.length === 0;
    if (JSON.stringify(same) === this.seen) {
      return;
    }
    this.seen = JSON.stringify(same);
    arrange(
      this.list,
      items.map(item => this.drawItem(item))
    );
  }

  private drawItem(item: Item): HTMLButtonElement {
    const click = (): void => {
      this.toggle(false);
      item.act();
    };
    return h('button', { type: 'button', role: 'menuitem', disabled: item.disabled, on: { click } }, item.label);
  }

  private toggle(open: boolean): void {
    this.list.hidden = !open;
    setAttribute(this.button, 'aria-expanded', String(open));
    if (open) {
      this.list.querySelector('button')?.focus();
    }
  }

  private onKey(event: KeyboardEvent): void {
    if (this.list.hidden) {
      return;
    }
    const items = [...this.list.querySelectorAll('button')];
    const at = items.indexOf(event.target as HTMLButtonElement);
    if (event.key === 'Escape') {
      this.toggle(false);
      this.button.focus();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const step = event.key === 'ArrowDown' ? 1 : items.length - 1;
      items[(at + step) % items.length]?.focus();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  private readonly list: HTMLElement;
  private seen = '';
}
