/** The members of a live object, of which confined code gets only those that the host ticks. */

import type { Member } from '../protocol';
import { h, Section } from './dom';
import { visible } from './visible';

export class Members {
  readonly node = h('fieldset', { class: 'endo-members', hidden: true });

  constructor(private readonly changed: () => void) {
    this.section = new Section(this.node);
  }

  /** Show the members of one candidate; ticks stay with the candidate they were made for. */
  show(owner: string, label: string, members: Member[] | null): void {
    this.owner = owner;
    this.names = members?.map(member => member.name) ?? null;
    this.section.show([owner, members], () => (members ? this.draw(label, members) : []));
  }

  /** What is ticked; null where there is nothing to tick. */
  get allowed(): string[] | null {
    const ticked = this.ticked.get(this.owner);
    return this.names?.filter(name => ticked?.has(name)) ?? null;
  }

  private draw(label: string, members: Member[]): HTMLElement[] {
    const ticked = this.ticked.get(this.owner) ?? new Set<string>();
    this.ticked.set(this.owner, ticked);
    const row = (member: Member): HTMLElement => {
      const box = h('input', { type: 'checkbox' });
      box.checked = ticked.has(member.name);
      box.addEventListener('change', () => {
        if (box.checked) {
          ticked.add(member.name);
        } else {
          ticked.delete(member.name);
        }
        this.changed();
      });
      const name = h(
        'span',
        { class: 'endo-mono' },
        member.name + (member.kind === 'method' ? visible(member.signature) : '')
      );
      return h(
        'label',
        { class: 'endo-member' },
        box,
        name,
        member.doc && h('span', { class: 'endo-muted' }, visible(member.doc))
      );
    };
    const legend = h('legend', { class: 'endo-small endo-muted' }, `What the code may use of ${label}`);
    return [legend, ...members.map(row)];
  }

  private readonly section: Section;
  private readonly ticked = new Map<string, Set<string>>();
  private owner = '';
  private names: string[] | null = null;
}
