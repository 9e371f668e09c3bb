/** The slots of a definition: what each one needs, what fills it already, and a picker where nothing does. */

import type { Binding, Bound, Slot } from '../protocol';
import { arrange, Child, h, Section } from './dom';
import { Picked, Picker } from './picker';
import { visible } from './visible';

function drawBound(bound: Bound): HTMLElement {
  const origin = h('span', { class: 'endo-muted' }, ` ${visible(bound.origin)}`);
  const detail = bound.gone ? 'gone' : bound.pending ? 'not there yet' : visible(bound.detail);
  return h(
    'div',
    { class: 'endo-bound', title: bound.pending ? 'The code runs when this value is there' : null },
    h('span', {}, h('span', { class: 'endo-mono' }, bound.label), origin),
    h('span', { class: bound.gone ? 'endo-warn-text endo-small' : 'endo-muted endo-small' }, detail)
  );
}

class SlotRow {
  readonly name: HTMLElement;
  readonly label: HTMLElement;
  readonly value: HTMLElement;

  constructor(
    private slot: Slot,
    private readonly changed: () => void
  ) {
    this.name = h('span', { class: 'endo-mono' }, h('span', { class: 'endo-py-slot' }, slot.name));
    this.label = h('div');
    this.value = h('div', { class: 'endo-pick' });
    this.picker = new Picker(slot.name, changed);
    this.told = new Section(this.label);
    this.bound = new Section(h('div'));
  }

  update(slot: Slot): void {
    this.slot = slot;
    this.told.show([slot.label, slot.type, slot.lost], () => [
      visible(slot.label),
      slot.type && h('span', { class: 'endo-muted endo-small' }, ` ${visible(slot.type)}`),
      slot.lost && h('div', { class: 'endo-warn-text endo-small' }, visible(slot.lost))
    ]);
    this.picker.update(slot.candidates, !slot.lost);
    this.draw();
  }

  /** The binding to send; null where the daemon already knows one. */
  get picked(): Picked | null {
    return this.pickable ? this.picker.picked : null;
  }

  focus(): void {
    this.picker.focus();
  }

  private get filled(): boolean {
    return !!this.slot.bound && !this.slot.bound.gone && !this.slot.lost;
  }

  private get pickable(): boolean {
    return !this.filled || this.another;
  }

  private draw(): void {
    const { bound, candidates } = this.slot;
    const offer = this.filled && candidates.length > 0;
    this.bound.show([bound, offer, this.another], () => [
      bound && !this.another && drawBound(bound),
      offer && this.drawSwitch()
    ]);
    arrange(this.value, [bound && this.bound.node, this.pickable && this.picker.node]);
  }

  private drawSwitch(): Child {
    const label = this.another ? `Use ${this.slot.bound?.label} after all` : 'Use another value…';
    const onclick = (): void => {
      this.another = !this.another;
      this.draw();
      this.changed();
      if (this.another) {
        this.picker.focus();
      }
    };
    return h('button', { type: 'button', class: 'endo-link endo-small', on: { click: onclick } }, label);
  }

  private another = false;
  private readonly picker: Picker;
  private readonly told: Section;
  private readonly bound: Section;
}

export class Slots {
  readonly node = h('div', { class: 'endo-slots', role: 'group', 'aria-label': 'Slots' });

  constructor(private readonly changed: () => void) {}

  update(slots: readonly Slot[]): void {
    this.node.hidden = slots.length === 0;
    const rows = new Map<string, SlotRow>();
    for (const slot of slots) {
      const row = this.rows.get(slot.name) ?? new SlotRow(slot, this.changed);
      row.update(slot);
      rows.set(slot.name, row);
    }
    this.rows = rows;
    arrange(
      this.node,
      [...rows.values()].flatMap(row => [row.name, row.label, row.value])
    );
  }

  /** All bindings that the host made, or the first reason why they are not complete. */
  get bindings(): { ready: true; bindings: { [slot: string]: Binding } } | { ready: false; why: string } {
    const bindings: { [slot: string]: Binding } = {};
    for (const [name, row] of this.rows) {
      const picked = row.picked;
      if (picked && !picked.ready) {
        return picked;
      }
      if (picked) {
        bindings[name] = picked.binding;
      }
    }
    return { ready: true, bindings };
  }

  /** Put the focus where something is still to be chosen. */
  focusOpen(): void {
    [...this.rows.values()].find(row => row.picked?.ready === false)?.focus();
  }

  private rows = new Map<string, SlotRow>();
}
