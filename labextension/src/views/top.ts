/** The first lines of a card: its number, what it is called, where it would run, what it is for. */

import type { Card } from '../protocol';
import { Child, h } from './dom';
import { visible } from './visible';
import { READING, REALMS, stateWord } from './wording';

export function drawRealm(realm: Card['realm']): Child {
  if (!realm) {
    return null;
  }
  const { badge, means } = REALMS[realm];
  return h(
    'span',
    {
      class: `endo-realm endo-realm-${realm}`,
      title: means,
      tabindex: 0,
      'data-means': means,
      'aria-label': `${badge}: ${means}`
    },
    badge
  );
}

const ASKS: Record<Card['kind'], string | null> = { definition: null, form: 'asks you', request: 'asks for a value' };

export function drawTop(card: Card, withTask: boolean): Child[] {
  const asks = ASKS[card.kind];
  return [
    h(
      'div',
      { class: 'endo-top' },
      h('span', { class: 'endo-number endo-mono' }, `#${card.number}`),
      h('h3', {}, visible(card.title)),
      card.state !== 'open' && h('span', { class: 'endo-chip endo-tone-waiting' }, stateWord(card)),
      asks && h('span', { class: 'endo-realm endo-realm-confined' }, asks),
      drawRealm(card.realm)
    ),
    withTask &&
      h('div', { class: 'endo-of-task endo-small endo-muted' }, `Task ${card.task} · ${visible(card.task_title)}`),
    card.explanation && h('p', { class: 'endo-explanation endo-muted' }, visible(card.explanation))
  ];
}

/** What a reading of the code found, and what the result will be called. */
export function drawFacts(card: Card): Child[] {
  const { reading, result } = card;
  const facts: Child[] = [];
  if (reading) {
    const imports = reading.imports.flatMap((name, i) => [
      i > 0 && ', ',
      h('span', { class: 'endo-mono' }, visible(name))
    ]);
    const found = reading.finds.map(visible).join(', ');
    facts.push(
      h(
        'span',
        { title: READING },
        'found by reading: ',
        reading.imports.length ? 'imports ' : 'no imports',
        ...imports,
        '; ',
        found ? h('span', { class: 'endo-warn-text' }, found) : 'no file, network or process use found'
      )
    );
  }
  if (result) {
    facts.push(h('span', {}, 'result → ', h('span', { class: 'endo-mono' }, visible(result))));
  }
  return facts;
}
