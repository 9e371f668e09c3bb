/** An open request: the agent asks for one value, and the host picks it. */

import type { Card } from '../protocol';
import { Daemon } from './attempt';
import { arrange, h, Section } from './dom';
import type { Face } from './face';
import { Picker } from './picker';
import { drawFacts, drawTop } from './top';
import { Verdict } from './verdict';
import { visible } from './visible';

export class RequestFace implements Face {
  readonly node = h('div', { class: 'endo-open' });

  constructor(
    private card: Card,
    daemon: Daemon,
    private readonly withTask: boolean
  ) {
    this.picker = new Picker('the value', () => this.verdict.refresh());
    this.verdict = new Verdict(daemon, {
      label: 'Give this value',
      decide: () => {
        const { picked } = this.picker;
        return picked.ready
          ? { op: 'answer', card: this.card.number, digest: this.card.digest, binding: picked.binding }
          : picked.why;
      },
      focusMissing: () => this.picker.focus()
    });
    this.update(card);
  }

  update(card: Card): void {
    if (JSON.stringify(card) !== JSON.stringify(this.card)) {
      this.verdict.settle();
    }
    this.card = card;
    this.top.show([card.title, card.explanation, this.withTask], () => drawTop(card, this.withTask));
    this.asked.show([card.label, card.type], () => [
      visible(card.label ?? ''),
      card.type && h('span', { class: 'endo-muted endo-small' }, ` ${visible(card.type)}`)
    ]);
    this.facts.show([card.result], () => drawFacts(card));
    this.picker.update(card.candidates ?? []);
    arrange(this.row, [this.asked.node, this.picker.node]);
    arrange(this.node, [this.top.node, this.facts.node, this.row, this.verdict.node]);
    this.verdict.update(card);
  }

  refresh(): void {
    this.verdict.refresh();
  }

  approve(): void {
    this.verdict.approve();
  }

  reject(): void {
    this.verdict.reject();
  }

  private readonly top = new Section(h('div'));
  private readonly asked = new Section(h('div'));
  private readonly facts = new Section(h('div', { class: 'endo-facts endo-small endo-muted' }));
  private readonly row = h('div', { class: 'endo-fields' });
  private readonly picker: Picker;
  private readonly verdict: Verdict;
}
