/**
 * Views as notebooks keep them: read a record with care, and make one from a live view.
 *
 * A record may come from anybody, so it is checked before it is drawn. What only helps to decide (the candidates
 * for a slot, which list the host's variables) and what has not ended (streamed text) is left out of records.
 */

import { Card, Entry, Head, Show, View, ViewRecord } from './protocol';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isHead(value: unknown): value is Head {
  if (!isObject(value)) {
    return false;
  }
  switch (value.kind) {
    case 'task':
      return typeof value.title === 'string' && typeof value.status === 'string';
    case 'inbox':
    case 'card':
      return true;
    case 'tasks':
      return Array.isArray(value.rows);
    default:
      return false;
  }
}

function isView(value: unknown): value is View {
  if (!isObject(value) || !isHead(value.head)) {
    return false;
  }
  const { order, entries } = value;
  return (order === undefined || Array.isArray(order)) && (entries === undefined || isObject(entries));
}

function isShow(value: unknown): value is Show {
  return isObject(value) && ['task', 'inbox', 'card', 'tasks'].includes(String(value.kind));
}

/** Read a record; null where this version cannot show it. */
export function parseRecord(data: unknown): ViewRecord | null {
  if (!isObject(data) || data.v !== 1 || !isShow(data.show) || !isView(data.view)) {
    return null;
  }
  const { head, order, entries } = data.view;
  const view = { head, order: order ?? [], entries: entries ?? {} };
  return { v: 1, show: data.show, store: typeof data.store === 'string' ? data.store : '', view };
}

function settleCard(card: Card): Card {
  const slots = card.slots.map(slot => ({ ...slot, candidates: [] }));
  return { ...card, slots, candidates: card.candidates && [] };
}

function settleEntry(entry: Entry): Entry {
  return entry.kind === 'card' ? { ...entry, card: settleCard(entry.card) } : entry;
}

/** Make the record of a view. */
export function makeRecord(show: Show, store: string, view: View): ViewRecord {
  const order = view.order.filter(key => view.entries[key] && view.entries[key].kind !== 'live');
  const entries = Object.fromEntries(order.map(key => [key, settleEntry(view.entries[key])]));
  return { v: 1, show, store, view: { head: view.head, order, entries } };
}
