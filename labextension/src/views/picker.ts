/**
 * Choosing a value: one of the candidates that the daemon offers, or one that the host types.
 *
 * A choice is the host's. New candidates never change it; where the chosen variable has meanwhile got another value
 * the picker says so, and where it is gone the choice is open again.
 */

import type { Binding, Candidate } from '../protocol';
import { h, Section, setText, uniqueId } from './dom';
import { parseLiteral } from './literal';
import { Members } from './members';
import { visible } from './visible';

/** A binding, or the reason why there is none yet. */
export type Picked = { ready: true; binding: Binding } | { ready: false; why: string };

const TYPED = 'typed';
/** A candidate at least this fit is chosen before the host has said anything. */
const FIT = 0.5;

function idOf(candidate: Candidate): string {
  return 'variable' in candidate.ref ? `v:${candidate.ref.variable}` : `n:${candidate.ref.name}`;
}

function tokenOf(candidate: Candidate): string {
  return 'variable' in candidate.ref ? candidate.ref.token : '';
}

export class Picker {
  readonly node: HTMLElement;

  constructor(
    private readonly name: string,
    private readonly changed: () => void
  ) {
    const told = uniqueId();
    this.select = h('select', { 'aria-label': name, 'aria-describedby': told, on: { change: () => this.onSelect() } });
    this.typed = h('input', {
      type: 'text',
      'aria-label': `${name}: a value`,
      'aria-describedby': told,
      placeholder: '0.2, some text, [1, 2], {"a": 1}',
      autocomplete: 'off',
      spellcheck: 'false',
      hidden: true,
      on: { input: () => this.refresh() }
    });
    this.told = h('span', { class: 'endo-small endo-muted', id: told });
    this.members = new Members(() => this.refresh());
    this.options = new Section(this.select);
    this.node = h('div', { class: 'endo-pick' }, this.select, this.typed, this.told, this.members.node);
  }

  /** Take the candidates of now, in the order given; `preset` lets a good fit be chosen before the host says so. */
  update(candidates: readonly Candidate[], preset = true): void {
    const before = this.known;
    this.known = new Map(candidates.map(candidate => [idOf(candidate), candidate]));
    if (!before?.size) {
      this.choose(this.choice || (preset ? this.fitting(candidates) : ''));
    } else if (this.choice && this.choice !== TYPED && !this.known.has(this.choice)) {
      this.vanished = before.get(this.choice)?.label ?? this.vanished;
      this.choose('');
    }
    this.options.show(
      candidates.map(({ ref, label, type, detail }) => [ref, label, type, detail]),
      () => this.drawOptions(candidates)
    );
    this.select.value = this.choice;
    this.draw();
  }

  get picked(): Picked {
    if (this.choice === TYPED) {
      const literal = parseLiteral(this.typed.value);
      return literal.ok
        ? { ready: true, binding: { literal: literal.value } }
        : { ready: false, why: `Type a value for ${this.name}.` };
    }
    const candidate = this.known?.get(this.choice);
    if (!candidate) {
      return { ready: false, why: `Choose a value for ${this.name}.` };
    }
    const allow = this.members.allowed;
    if (allow?.length === 0) {
      return { ready: false, why: `Tick what the code may use of ${candidate.label}.` };
    }
    return { ready: true, binding: allow ? { ...candidate.ref, allow } : { ...candidate.ref } };
  }

  focus(): void {
    (this.choice === TYPED ? this.typed : this.select).focus();
  }

  /** What is chosen before the host has said anything; a record keeps no candidates, so the first may come later. */
  private fitting(candidates: readonly Candidate[]): string {
    const fits = !this.vanished && candidates.length > 0 && candidates[0].fit >= FIT;
    return fits ? idOf(candidates[0]) : '';
  }

  private onSelect(): void {
    this.vanished = null;
    this.choose(this.select.value);
    this.refresh();
    if (this.choice === TYPED) {
      this.typed.focus();
    }
  }

  private choose(id: string): void {
    this.choice = id;
    const candidate = this.known?.get(id);
    this.token = candidate ? tokenOf(candidate) : '';
  }

  private refresh(): void {
    this.draw();
    this.changed();
  }

  private draw(): void {
    const candidate = this.known?.get(this.choice);
    this.typed.hidden = this.choice !== TYPED;
    this.members.show(this.choice, candidate?.label ?? '', candidate?.members ?? null);
    const moved = !!candidate && tokenOf(candidate) !== this.token;
    this.told.classList.toggle('endo-warn-text', moved || (!candidate && !!this.vanished));
    setText(this.told, visible(this.describe(candidate, moved)));
  }

  private describe(candidate: Candidate | undefined, moved: boolean): string {
    if (this.choice === TYPED) {
      const literal = parseLiteral(this.typed.value);
      return literal.ok ? literal.says : literal.why;
    }
    if (!candidate) {
      return this.vanished ? `${this.vanished} is not there any more.` : '';
    }
    if (moved) {
      return `Changed since it was chosen: now ${candidate.type} ${candidate.detail} · ${candidate.origin}`;
    }
    const since = tokenOf(candidate) ? 'unchanged since the card was drawn' : '';
    return [candidate.detail, candidate.origin, since].filter(Boolean).join(' · ');
  }

  private drawOptions(candidates: readonly Candidate[]): HTMLElement[] {
    const option = (candidate: Candidate): HTMLElement => {
      const told = [candidate.type, candidate.detail].filter(Boolean).join(' ');
      return h('option', { value: idOf(candidate) }, visible(told ? `${candidate.label} — ${told}` : candidate.label));
    };
    return [
      h('option', { value: '' }, 'Choose…'),
      ...candidates.map(option),
      h('option', { value: TYPED }, 'type a value…')
    ];
  }

  private readonly select: HTMLSelectElement;
  private readonly typed: HTMLInputElement;
  private readonly told: HTMLElement;
  private readonly members: Members;
  private readonly options: Section;
  private known: Map<string, Candidate> | null = null;
  private choice = '';
  private token = '';
  private vanished: string | null = null;
}
