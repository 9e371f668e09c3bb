import assert from 'node:assert/strict';
import { test } from 'node:test';

import { DaemonError } from '../src/connection';
import { ViewModel } from '../src/model';
import { connect } from './daemon';
import { record } from './fixtures';

test('a reply goes to the request of its number, in whatever order replies come', async () => {
  const { channel, connection } = connect();
  const first = connection.request({ op: 'pause', task: 1 });
  const second = connection.request({ op: 'resume', task: 1 });

  channel.accept('resume', 'second');
  channel.accept('pause', 'first');

  assert.deepEqual(await Promise.all([first, second]), ['first', 'second']);
});

test('a refusal rejects with the sentence and the kind of the daemon', async () => {
  const { channel, connection } = connect();
  const asked = connection.request({ op: 'reject', card: 7, digest: 'd7', reason: '' });

  channel.refuse('reject', 'card 7 was already approved at 14:02', 'CardDecided');

  await assert.rejects(asked, new DaemonError('card 7 was already approved at 14:02', 'CardDecided'));
});

test('a request without a kernel is refused and never sent', async () => {
  const { channel, connection } = connect('no kernel');

  await assert.rejects(connection.request({ op: 'pause', task: 1 }), { kind: 'Disconnected' });
  assert.equal(channel.sent.length, 0);
});

test('a request that is on its way when the kernel goes is answered as lost', async () => {
  const { channel, connection } = connect();
  const asked = connection.request({ op: 'pause', task: 1 });

  channel.become('connecting');

  await assert.rejects(asked, { kind: 'Disconnected' });
});

test('every live view says hello again when the kernel is back, and views that ended do not', () => {
  const { channel, connection } = connect();
  const stays = new ViewModel({ kind: 'inbox' }, { connection });
  const ends = new ViewModel({ kind: 'tasks' }, { connection });
  ends.dispose();
  channel.sent.length = 0;

  channel.become('connecting');
  channel.become('connected');

  assert.deepEqual(
    channel.all('hello').map(hello => hello.view),
    [stays.id]
  );
});

test('a view that ends says bye', () => {
  const { channel, connection } = connect();
  const model = new ViewModel({ kind: 'inbox' }, { connection });

  model.dispose();

  assert.equal(channel.last('bye').view, model.id);
});

test('a new view makes a channel that found no Endo try again', () => {
  const { channel, connection } = connect('no endo');

  new ViewModel({ kind: 'inbox' }, { connection });

  assert.equal(channel.retries, 1);
});

test('hello tells what is shown, from which store, and in which notebook', () => {
  const { channel, connection } = connect();
  const kept = record('thread');

  new ViewModel(kept.show, { connection, record: kept, path: () => 'work/a.ipynb' });

  const { n, view, ...hello } = channel.last('hello');
  assert.ok(n && view);
  assert.deepEqual(hello, { op: 'hello', show: { kind: 'task', task: 3 }, store: 's1', path: 'work/a.ipynb' });
});
