/**
 * A view on the page, for as long as it is there: draws its model, says when nobody can act, and keeps keys to itself.
 *
 * JupyterLab's shortcuts would act on the notebook while somebody types here or presses a button, so plain keys and
 * every Enter stay in the view; chords that a view has no use for, such as save, pass.
 */

import type { ViewModel } from '../model';
import type { Head, View } from '../protocol';
import { CardsPane } from './cards';
import { arrange, h, isInput, origin, setText } from './dom';
import type { Pane } from './pane';
import { TasksPane } from './tasks';
import { ThreadPane } from './thread';
import { blockedText } from './wording';

const SUPPRESS = 'data-lm-suppress-shortcuts';

/** Edits of a text field that JupyterLab would take for the notebook. */
const OWN_INPUT = new Set(['insertLineBreak', 'historyUndo', 'historyRedo']);

const ACTS: Record<Head['kind'], string> = {
  task: 'continue this task',
  inbox: 'decide on these cards',
  card: 'decide on this card',
  tasks: 'see how the tasks are now'
};

/** Whether a key chord is for the application around the view. */
function passes(event: KeyboardEvent): boolean {
  if (!(event.ctrlKey || event.metaKey) || event.key === 'Enter') {
    return false;
  }
  return isInput(event) ? event.key.toLowerCase() === 's' : true;
}

/** Call `draw` soon, once, however often it was asked for; also while the page is hidden and draws no frames. */
function coalesce(draw: () => void): { ask(): void; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = (): void => {
    timer = undefined;
    draw();
  };
  return { ask: () => void (timer ??= setTimeout(run, 16)), stop: () => clearTimeout(timer) };
}

export class EndoView {
  readonly node = h('div', { class: 'endo', [SUPPRESS]: true });

  constructor(private readonly model: ViewModel) {
    const drawing = coalesce(() => this.draw());
    const stop = model.changed.connect(() => drawing.ask());
    this.lifetime.signal.addEventListener('abort', () => {
      stop();
      drawing.stop();
    });
    this.listen();
    this.draw();
  }

  dispose(): void {
    this.lifetime.abort();
  }

  /** Draw what the model knows now. */
  draw(): void {
    const { view, blocked } = this.model;
    const kind = view?.head.kind ?? null;
    if (view && kind) {
      this.pane = this.shown === kind && this.pane ? this.pane : this.makePane(view.head);
      this.shown = kind;
      this.pane.update(view);
      this.pane.refresh();
    }
    const bar = blocked ? blockedText(blocked, ACTS[kind ?? this.model.show.kind]) : '';
    setText(this.bar, bar);
    this.bar.hidden = bar === '' || (blocked === 'connecting' && !!view);
    arrange(this.node, [this.bar, this.pane?.node]);
  }

  private makePane(head: View['head']): Pane {
    switch (head.kind) {
      case 'task':
        return new ThreadPane(this.model);
      case 'tasks':
        return new TasksPane();
      default:
        return new CardsPane(this.model);
    }
  }

  /** Hear keys before the application does, while the focus is in the view. */
  private listen(): void {
    const { signal } = this.lifetime;
    let hearing: AbortController | null = null;
    this.node.addEventListener(
      'focusin',
      () => {
        if (hearing) {
          return;
        }
        hearing = new AbortController();
        window.addEventListener('keydown', event => this.onKey(event), { capture: true, signal: hearing.signal });
      },
      { signal }
    );
    // JupyterLab prevents these in text fields inside a cell; stopped here, it does not see them.
    this.node.addEventListener(
      'beforeinput',
      event => {
        if (OWN_INPUT.has(event.inputType)) {
          event.stopPropagation();
        }
      },
      { capture: true, signal }
    );
    const stop = (): void => {
      hearing?.abort();
      hearing = null;
    };
    this.node.addEventListener('focusout', stop, { signal });
    signal.addEventListener('abort', stop);
  }

  private onKey(event: KeyboardEvent): void {
    const inside = event.composedPath().includes(this.node);
    if (!inside) {
      return;
    }
    if (this.pane?.onKey(event)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    const keep = !passes(event);
    // Many of the notebook's selectors end in `:focus`, so it is the element with the focus that must say no.
    origin(event)?.toggleAttribute(SUPPRESS, keep);
    this.node.toggleAttribute(SUPPRESS, keep);
  }

  private readonly bar = h('div', { class: 'endo-blocked endo-small', role: 'status', hidden: true });
  private readonly lifetime = new AbortController();
  private pane: Pane | null = null;
  private shown: Head['kind'] | null = null;
}
