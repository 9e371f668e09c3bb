/** One card, whatever its state; keys for its decision work while the focus is in it. */

import type { Card } from '../protocol';
import { Daemon } from './attempt';
import { DefinitionFace } from './definition';
import { arrange, h, hasFocus, isInput, setAttribute } from './dom';
import type { Face } from './face';
import { FormFace } from './form';
import { RequestFace } from './request';
import { StepFace } from './step';
import { UnknownFace } from './unknown';
import { stateWord } from './wording';

type FaceKind = Card['kind'] | 'unknown' | 'step';

function faceKind(card: Card): FaceKind {
  switch (card.state) {
    case 'open':
      return card.kind;
    case 'unknown':
      return 'unknown';
    default:
      return 'step';
  }
}

function keyAct(event: KeyboardEvent): 'approve' | 'edit' | 'reject' | null {
  if (event.altKey || event.shiftKey) {
    return null;
  }
  if (event.ctrlKey || event.metaKey) {
    return event.key === 'Enter' ? 'approve' : null;
  }
  if (isInput(event)) {
    return null;
  }
  return event.key === 'e' ? 'edit' : event.key === 'r' ? 'reject' : null;
}

export class CardView {
  readonly node = h('article', { tabindex: -1 });

  /** `withTask` names the task on the card, for views over several tasks. */
  constructor(
    private readonly daemon: Daemon,
    private readonly withTask: boolean
  ) {}

  update(card: Card): void {
    const kind = faceKind(card);
    const focus = hasFocus(this.node);
    if (kind === this.kind && this.face) {
      this.face.update(card);
    } else {
      this.kind = kind;
      this.face = this.makeFace(kind, card);
      arrange(this.node, [this.face.node]);
    }
    this.node.className = kind === 'step' ? 'endo-settled' : 'endo-card';
    setAttribute(this.node, 'aria-label', `Card ${card.number}: ${card.title}, ${stateWord(card)}`);
    setAttribute(this.node, 'data-card', String(card.number));
    setAttribute(this.node, 'data-state', card.state);
    if (focus && !hasFocus(this.node)) {
      this.node.focus({ preventScroll: true });
    }
  }

  refresh(): void {
    this.face?.refresh();
  }

  /** Act on a key pressed inside the card; says whether it was one of the card's keys. */
  onKey(event: KeyboardEvent): boolean {
    const act = keyAct(event);
    if (!act || !this.face?.[act]) {
      return false;
    }
    this.face[act]();
    return true;
  }

  private makeFace(kind: FaceKind, card: Card): Face {
    switch (kind) {
      case 'definition':
        return new DefinitionFace(card, this.daemon, this.withTask);
      case 'form':
        return new FormFace(card, this.daemon, this.withTask);
      case 'request':
        return new RequestFace(card, this.daemon, this.withTask);
      case 'unknown':
        return new UnknownFace(card, this.daemon, this.withTask);
      default:
        return new StepFace(card, this.withTask);
    }
  }

  private face: Face | null = null;
  private kind: FaceKind | null = null;
}
