/** An open form: fields that the agent asks the host to fill in. */

import type { Card, Field, Json, Request } from '../protocol';
import { Daemon } from './attempt';
import { arrange, h, Section, uniqueId } from './dom';
import type { Face } from './face';
import { drawTop } from './top';
import { Verdict } from './verdict';
import { visible } from './visible';

type Answer = { ok: true; value: Json } | { ok: false; why: string };

/** One field with its label; what was typed stays as long as the field does. */
class FieldRow {
  readonly label: HTMLElement;
  readonly input: HTMLInputElement | HTMLSelectElement;

  constructor(
    private readonly field: Field,
    changed: () => void
  ) {
    const id = uniqueId();
    this.input = field.type === 'choice' ? this.drawChoice(id) : this.drawInput(id);
    this.input.addEventListener('input', changed);
    this.input.addEventListener('change', changed);
    this.label = h('label', { for: id }, visible(field.label || field.name));
  }

  get answer(): Answer {
    const { field, input } = this;
    const missing: Answer = { ok: false, why: `Fill in: ${visible(field.label || field.name)}.` };
    switch (field.type) {
      case 'boolean':
        return { ok: true, value: (input as HTMLInputElement).checked };
      case 'choice':
        return input.value === '' ? missing : { ok: true, value: field.choices?.[Number(input.value)] ?? null };
      case 'number': {
        const value = Number(input.value);
        return input.value.trim() === '' || !Number.isFinite(value) ? missing : { ok: true, value };
      }
      default:
        return { ok: true, value: input.value };
    }
  }

  private drawChoice(id: string): HTMLSelectElement {
    const choices = this.field.choices ?? [];
    const text = (choice: Json): string => visible(typeof choice === 'string' ? choice : JSON.stringify(choice));
    const select = h(
      'select',
      { id },
      h('option', { value: '' }, 'Choose…'),
      ...choices.map((choice, i) => h('option', { value: i }, text(choice)))
    );
    const preset = choices.findIndex(choice => JSON.stringify(choice) === JSON.stringify(this.field.default));
    select.value = preset >= 0 && this.field.default !== null ? String(preset) : '';
    return select;
  }

  private drawInput(id: string): HTMLInputElement {
    const { type, default: preset } = this.field;
    if (type === 'boolean') {
      const box = h('input', { id, type: 'checkbox' });
      box.checked = preset === true;
      return box;
    }
    const input = h('input', {
      id,
      type: 'text',
      autocomplete: 'off',
      inputmode: type === 'number' ? 'decimal' : null
    });
    input.value =
      typeof preset === 'string' ? preset : preset === null || preset === undefined ? '' : JSON.stringify(preset);
    return input;
  }
}

export class FormFace implements Face {
  readonly node = h('div', { class: 'endo-open' });

  constructor(
    private card: Card,
    daemon: Daemon,
    private readonly withTask: boolean
  ) {
    this.verdict = new Verdict(daemon, {
      label: 'Answer',
      decide: () => this.decide(),
      focusMissing: () => [...this.rows.values()].find(row => !row.answer.ok)?.input.focus()
    });
    this.update(card);
  }

  update(card: Card): void {
    if (JSON.stringify(card) !== JSON.stringify(this.card)) {
      this.verdict.settle();
    }
    this.card = card;
    this.top.show([card.title, card.explanation, this.withTask], () => drawTop(card, this.withTask));
    const rows = new Map<string, FieldRow>();
    for (const field of card.fields ?? []) {
      rows.set(field.name, this.rows.get(field.name) ?? new FieldRow(field, () => this.verdict.refresh()));
    }
    this.rows = rows;
    arrange(
      this.fields,
      [...rows.values()].flatMap(row => [row.label, row.input])
    );
    arrange(this.node, [this.top.node, this.fields, this.verdict.node]);
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

  private decide(): Request | string {
    const values: { [field: string]: Json } = {};
    for (const [name, row] of this.rows) {
      const { answer } = row;
      if (!answer.ok) {
        return answer.why;
      }
      values[name] = answer.value;
    }
    return { op: 'answer', card: this.card.number, digest: this.card.digest, values };
  }

  private readonly top = new Section(h('div'));
  private readonly fields = h('div', { class: 'endo-fields' });
  private readonly verdict: Verdict;
  private rows = new Map<string, FieldRow>();
}
