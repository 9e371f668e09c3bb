/** Records as a daemon would make them, each time a fresh copy. */

import type { Card, Entry, TaskHead, View, ViewRecord } from '../src/protocol';
import inbox from './fixtures/inbox.json';
import states from './fixtures/states.json';
import tasks from './fixtures/tasks.json';
import thread from './fixtures/thread.json';

const RECORDS = { inbox, states, tasks, thread };

export function record(name: keyof typeof RECORDS): ViewRecord {
  return structuredClone(RECORDS[name]) as unknown as ViewRecord;
}

export function cardOf(view: View, number: number): Card {
  const entry = view.entries[`c${number}`];
  if (entry.kind !== 'card') {
    throw new Error(`c${number} is not a card`);
  }
  return entry.card;
}

/** The view with one card changed. */
export function withCard(view: View, number: number, change: Partial<Card>): View {
  const key = `c${number}`;
  const entry = { ...view.entries[key], card: { ...cardOf(view, number), ...change } } as Entry;
  return { ...view, entries: { ...view.entries, [key]: entry } };
}

export function withHead(view: View, change: Partial<TaskHead>): View {
  return { ...view, head: { ...(view.head as TaskHead), ...change } };
}
