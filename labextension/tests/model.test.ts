import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ViewModel } from '../src/model';
import type { Entry, View } from '../src/protocol';
import { makeRecord, parseRecord } from '../src/record';
import { connect } from './daemon';
import { cardOf, record, withCard, withHead } from './fixtures';

function live() {
  const { channel, connection } = connect();
  const kept = record('thread');
  const model = new ViewModel(kept.show, { connection, record: kept });
  channel.show(kept.view, 1);
  return { channel, connection, model, view: kept.view };
}

function part(view: View, ...keys: string[]): View {
  return { ...view, entries: Object.fromEntries(keys.map(key => [key, view.entries[key]])) };
}

test('without a connection a view shows its record, and says that it is one', () => {
  const kept = record('thread');
  const model = new ViewModel(kept.show, { connection: null, record: kept });

  assert.equal(model.state.kind, 'record');
  assert.equal(model.blocked, 'no notebook');
});

test('a record cannot be acted on before the daemon has shown the view', () => {
  const { connection } = connect();
  const kept = record('thread');
  const model = new ViewModel(kept.show, { connection, record: kept });

  assert.equal(model.blocked, 'connecting');
});

test('a change brings only what changed; the rest stays as it was', () => {
  const { channel, model, view } = live();

  channel.show(part(withCard(view, 7, { state: 'running' }), 'c7'), 2, false);

  assert.equal(cardOf(model.view!, 7).state, 'running');
  assert.deepEqual(model.view!.entries.m1, view.entries.m1);
});

test('an entry that is not in the order any more is gone', () => {
  const { channel, model, view } = live();

  channel.show({ ...part(view), order: ['m1'] }, 2, false);

  assert.deepEqual(Object.keys(model.view!.entries), ['m1']);
});

test('a gap in what was heard asks for the whole view, once, and shows nothing half', () => {
  const { channel, model, view } = live();
  const hellos = channel.all('hello').length;

  channel.show(part(withCard(view, 7, { state: 'running' }), 'c7'), 3, false);
  channel.show(part(withCard(view, 7, { state: 'done' }), 'c7'), 4, false);

  assert.equal(channel.all('hello').length, hellos + 1);
  assert.equal(cardOf(model.view!, 7).state, 'open');
});

test('a whole view after a gap is taken, whatever its number', () => {
  const { channel, model, view } = live();
  channel.show(part(view), 9, false);

  channel.show(withCard(view, 7, { state: 'done' }), 1);
  channel.show(part(withCard(view, 7, { state: 'failed' }), 'c7'), 2, false);

  assert.equal(cardOf(model.view!, 7).state, 'failed');
});

test('nobody can act between a restart and the first view after it', () => {
  const { channel, model, view } = live();
  assert.equal(model.blocked, null);

  channel.become('connecting');
  assert.equal(model.blocked, 'connecting');
  channel.become('connected');
  assert.equal(model.blocked, 'connecting');
  channel.show(view, 1);

  assert.equal(model.blocked, null);
});

test('a change heard from before a restart is not taken', () => {
  const { channel, model, view } = live();
  channel.become('connecting');
  channel.become('connected');

  channel.show(part(withCard(view, 7, { state: 'done' }), 'c7'), 2, false);

  assert.equal(cardOf(model.view!, 7).state, 'open');
});

test('streamed text is shown until a view comes without it', () => {
  const { channel, model, view } = live();
  const text = () => (model.state.kind === 'live' ? model.state.text : null);

  channel.stream('Mont');
  assert.equal(text(), 'Mont');
  const entry: Entry = { key: 'live', kind: 'live', at: '', who: 'Claude', text: 'Mont' };
  channel.show({ ...view, order: [...view.order, 'live'], entries: { live: entry } }, 2, false);
  channel.stream('Month-to-month');
  assert.equal(text(), 'Month-to-month');
  channel.show(part(view), 3, false);

  assert.equal(text(), null);
});

test('a refused hello says why, and the record stays', () => {
  const { channel, connection } = connect();
  const kept = record('thread');
  const model = new ViewModel(kept.show, { connection, record: kept });

  channel.refuse('hello', 'there is no task 3 here', 'TaskUnknown');

  return Promise.resolve().then(() => {
    assert.deepEqual(model.blocked, { refused: 'there is no task 3 here' });
    assert.equal(model.state.kind, 'record');
  });
});

test('a store that another kernel writes shows, and cannot be acted on', () => {
  const { channel, model, view } = live();

  channel.show(withHead(view, { readonly: 'kernel 4711 writes this store' }), 2);

  assert.deepEqual(model.blocked, { readonly: 'kernel 4711 writes this store' });
});

test('a record that is rendered again does not replace what the daemon says', () => {
  const { channel, model, view } = live();
  channel.show(withCard(view, 7, { state: 'done' }), 2);

  model.showRecord(record('thread'));

  assert.equal(cardOf(model.view!, 7).state, 'done');
});

test('earlier entries come before the known ones, each once', async () => {
  const { channel, model, view } = live();
  channel.show(withHead(view, { earlier: 2 }), 2);
  const old = (key: string): Entry => ({ key, kind: 'host', at: '', text: key, queued: false });

  const fetched = model.fetchEarlier();
  assert.equal(channel.last('earlier').before, 't2');
  channel.accept('earlier', { entries: [old('m0'), old('m1')], earlier: 1 });
  await fetched;

  assert.deepEqual(
    model.older.entries.map(entry => entry.key),
    ['m0']
  );
  assert.equal(model.older.left, 1);
});

test('the text of an answer that is complete is not shown again as the beginning of the next one', () => {
  const { channel, model, view } = live();
  channel.stream('The first answer');
  const next: Entry = { key: 'live', kind: 'live', at: '', who: 'Claude', text: '' };

  channel.show({ ...view, order: [...view.order, 'live'], entries: { live: next } }, 2, false);

  assert.equal(model.state.kind === 'live' && model.state.text, '');
});

test('a record keeps what was shown, without the host’s variables and without text that had not ended', () => {
  const { view, show } = record('states');

  const kept = parseRecord(JSON.parse(JSON.stringify(makeRecord(show, 's1', view))))!;

  assert.ok(!kept.view.order.includes('live'));
  assert.deepEqual(cardOf(kept.view, 12).candidates, []);
  assert.deepEqual(
    cardOf(kept.view, 13).slots.map(slot => slot.candidates),
    [[], [], []]
  );
  assert.equal(cardOf(kept.view, 13).code, cardOf(view, 13).code);
});

test('a record of another version or shape is not drawn', () => {
  const kept = record('thread');

  assert.equal(parseRecord({ ...kept, v: 2 }), null);
  assert.equal(parseRecord({ ...kept, view: null }), null);
  assert.equal(parseRecord({ ...kept, show: 'task' }), null);
  assert.equal(parseRecord('<b>'), null);
});
