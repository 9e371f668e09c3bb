/**
 * Making and keeping DOM: elements from plain descriptions, and updates that leave alone what has not changed.
 *
 * Text goes in as text. Nothing here takes markup.
 */

export type Child = Node | string | null | undefined | false;

type Listeners = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
export type Props = {
  class?: string;
  on?: Listeners;
  [attribute: string]: string | number | boolean | null | undefined | Listeners;
};

/** Make an element; attributes that are false, null or undefined are left out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'on') {
      Object.entries(value as Listeners).forEach(([type, listener]) =>
        node.addEventListener(type, listener as EventListener)
      );
    } else if (typeof value === 'string' || typeof value === 'number') {
      node.setAttribute(name, String(value));
    } else if (value === true) {
      node.setAttribute(name, '');
    }
  }
  node.append(...children.filter((child): child is Node | string => !!child));
  return node;
}

/** Make `children` the only children of `parent`, moving as few as possible so that focus and scroll stay. */
export function arrange(parent: Element, children: readonly Child[]): void {
  const wanted = children.filter((child): child is Node => child instanceof Node);
  const keep = new Set<Node>(wanted);
  for (const child of [...parent.childNodes]) {
    if (!keep.has(child)) {
      child.remove();
    }
  }
  let at = parent.firstChild;
  for (const node of wanted) {
    if (node === at) {
      at = at.nextSibling;
    } else {
      parent.insertBefore(node, at);
    }
  }
}

/** Set text only where it differs, so that a screen reader is told of changes and nothing else. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

export function setAttribute(node: Element, name: string, value: string | null): void {
  if (value === null) {
    node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) {
    node.setAttribute(name, value);
  }
}

/** A piece of the page that is made again only when the data behind it is different. */
export class Section {
  constructor(readonly node: HTMLElement) {}

  show(data: unknown, make: () => Child[]): void {
    const seen = JSON.stringify(data) ?? '';
    if (seen !== this.seen) {
      this.seen = seen;
      this.node.replaceChildren(...make().filter((child): child is Node | string => !!child));
    }
    this.node.hidden = !this.node.hasChildNodes();
  }

  private seen: string | null = null;
}

let ids = 0;

/** An id for this page, to tie a label or a description to what it is about. */
export function uniqueId(): string {
  return `endo-${++ids}`;
}

/** The element that has the focus, also where the view lives in a shadow tree. */
export function focused(node: Node): Element | null {
  const root = node.getRootNode();
  return root instanceof Document || root instanceof ShadowRoot ? root.activeElement : null;
}

export function hasFocus(node: Node): boolean {
  const active = focused(node);
  return !!active && node.contains(active);
}

/** The element that an event came from, also out of a shadow tree. */
export function origin(event: Event): Element | null {
  const [target] = event.composedPath();
  return target instanceof Element ? target : null;
}

/** Whether keys typed here are text or a choice, not commands. */
export function isInput(event: Event): boolean {
  return !!origin(event)?.closest('input, textarea, select, [contenteditable]');
}

/** Make a button that looks like the others. */
export function button(label: string, onclick: () => void, props: Props = {}): HTMLButtonElement {
  return h('button', { type: 'button', class: 'endo-button', ...props, on: { click: onclick } }, label);
}
