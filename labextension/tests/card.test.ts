import { choose, press, type } from './page';

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { ViewModel } from '../src/model';
import type { View, ViewRecord } from '../src/protocol';
import { EndoView } from '../src/views/view';
import { connect, FakeChannel, settle } from './daemon';
import { cardOf, record, withCard, withHead } from './fixtures';

let opened: EndoView | null = null;
let seq = 0;

afterEach(() => {
  opened?.dispose();
  document.body.replaceChildren();
});

function open(kept: ViewRecord): FakeChannel {
  const { channel, connection } = connect();
  const model = new ViewModel(kept.show, { connection, record: kept });
  opened = new EndoView(model);
  document.body.append(opened.node);
  seq = 0;
  push(channel, kept.view);
  return channel;
}

/** Send a view, and have it drawn. */
function push(channel: FakeChannel, view: View): void {
  channel.show(view, ++seq);
  opened!.draw();
}

function card(number: number): HTMLElement {
  return document.querySelector<HTMLElement>(`[data-card="${number}"]`)!;
}

function button(within: ParentNode, label: string): HTMLButtonElement {
  const found = [...within.querySelectorAll('button')].find(each => each.textContent === label);
  assert.ok(found, `a button ${label}`);
  return found;
}

const text = (node: Element): string => node.textContent ?? '';

test('approving sends the digest that was shown and the value that was chosen', () => {
  const channel = open(record('thread'));

  button(card(7), 'Approve and run').click();

  const { n, ...endow } = channel.last('endow');
  assert.ok(n);
  assert.deepEqual(endow, {
    op: 'endow',
    card: 7,
    digest: 'd7',
    bindings: { share: { variable: 'test_share', token: 't-test_share' } }
  });
});

test('a double click is one decision, also between the answer and the new view', async () => {
  const channel = open(record('thread'));
  const approve = button(card(7), 'Approve and run');

  approve.click();
  approve.click();
  channel.accept('endow');
  await settle();
  approve.click();

  assert.equal(channel.all('endow').length, 1);
});

test('a refused decision is told in the card, and nothing that was chosen is lost', async () => {
  const channel = open(record('thread'));
  choose(card(7).querySelector('select')!, 'v:threshold');
  button(card(7), 'Approve and run').click();

  channel.refuse('endow', 'card 7 has changed since it was drawn', 'CardChanged');
  await settle();

  assert.equal(text(card(7).querySelector('[role=alert]')!), 'card 7 has changed since it was drawn');
  assert.equal(card(7).querySelector('select')!.value, 'v:threshold');
  assert.equal(button(card(7), 'Approve and run').getAttribute('aria-disabled'), null);
});

test('a half-typed value, its caret and the focus stay while the daemon pushes', () => {
  const kept = record('thread');
  const channel = open(kept);
  choose(card(7).querySelector('select')!, 'typed');
  const input = card(7).querySelector<HTMLInputElement>('input[type=text]')!;
  type(input, '0.2');
  input.setSelectionRange(1, 1);

  const [, share] = cardOf(kept.view, 7).slots;
  const slots = [cardOf(kept.view, 7).slots[0], { ...share, candidates: share.candidates.slice(1) }];
  push(channel, withCard(withHead(kept.view, { title: 'Another title' }), 7, { slots }));

  assert.equal(document.activeElement, input);
  assert.equal(input.value, '0.2');
  assert.equal(input.selectionStart, 1);
});

test('a half-written reply stays while the daemon pushes, and goes when the daemon has it', async () => {
  const kept = record('thread');
  const channel = open(kept);
  const reply = document.querySelector<HTMLTextAreaElement>('.endo-reply textarea')!;
  type(reply, 'also try ridge');

  push(channel, withHead(kept.view, { status: 'thinking' }));
  assert.equal(reply.value, 'also try ridge');
  press('Enter');
  const { n, ...send } = channel.last('send');
  assert.ok(n);
  assert.deepEqual(send, { op: 'send', task: 3, text: 'also try ridge' });
  assert.equal(reply.value, 'also try ridge');
  channel.accept('send');
  await settle();

  assert.equal(reply.value, '');
});

test('a chosen variable that got another value is flagged, and what is sent is what is shown now', () => {
  const kept = record('thread');
  const channel = open(kept);
  const [table, share] = cardOf(kept.view, 7).slots;
  const moved = { ...share.candidates[0], ref: { variable: 'test_share', token: 'new' }, detail: '0.9' };

  push(channel, withCard(kept.view, 7, { slots: [table, { ...share, candidates: [moved] }] }));

  assert.match(text(card(7).querySelector('.endo-slots')!), /Changed since it was chosen: now float 0\.9/);
  button(card(7), 'Approve and run').click();
  assert.deepEqual(channel.last('endow').bindings, { share: { variable: 'test_share', token: 'new' } });
});

test('a view that comes from a record offers the best fit when the daemon tells of it, and then leaves the choice', () => {
  const kept = record('thread');
  const [table, share] = cardOf(kept.view, 7).slots;
  const channel = open({ ...kept, view: withCard(kept.view, 7, { slots: [table, { ...share, candidates: [] }] }) });
  const select = card(7).querySelector('select')!;
  assert.equal(select.value, '');

  push(channel, kept.view);
  assert.equal(select.value, 'v:test_share');
  choose(select, '');
  push(channel, withHead(kept.view, { title: 'Another title' }));

  assert.equal(select.value, '');
});

test('a chosen variable that is gone opens the choice again', () => {
  const kept = record('thread');
  const channel = open(kept);
  const [table, share] = cardOf(kept.view, 7).slots;

  push(channel, withCard(kept.view, 7, { slots: [table, { ...share, candidates: share.candidates.slice(1) }] }));

  assert.equal(card(7).querySelector('select')!.value, '');
  assert.equal(button(card(7), 'Approve and run').disabled, true);
  assert.match(text(card(7)), /test_share is not there any more/);
});

test('confined code gets no member of a live object that is not ticked', () => {
  const channel = open(record('states'));
  const approve = button(card(13), 'Approve and run');
  const selects = card(13).querySelectorAll('select');
  choose(selects[1], 'v:df2');
  assert.equal(approve.disabled, true);
  assert.match(text(card(13)), /Tick what the code may use of c\./);

  card(13).querySelectorAll<HTMLInputElement>('input[type=checkbox]')[1].click();
  approve.click();

  assert.deepEqual(channel.last('endow').bindings.counter, { variable: 'c', token: 't-c', allow: ['read'] });
});

test('a value that was lost is told, and never chosen for the host', () => {
  open(record('states'));

  assert.match(text(card(13)), /it did not survive the restart/);
  assert.equal(card(13).querySelectorAll('select')[1].value, '');
});

test('an edit sends only what was changed', () => {
  const channel = open(record('thread'));
  button(card(7), 'Edit').click();
  type(card(7).querySelector('textarea')!, 'table.head()');

  button(card(7), 'Approve as edited').click();

  const { code, realm, result } = channel.last('endow');
  assert.deepEqual({ code, realm, result }, { code: 'table.head()', realm: undefined, result: undefined });
});

test('rejecting asks for a reason in the card, and sends it with the digest', () => {
  const channel = open(record('thread'));
  button(card(7), 'Reject…').click();
  const reason = document.activeElement as HTMLInputElement;
  type(reason, 'use the cleaned table');

  button(card(7), 'Reject').click();

  const { n, ...reject } = channel.last('reject');
  assert.ok(n);
  assert.deepEqual(reject, { op: 'reject', card: 7, digest: 'd7', reason: 'use the cleaned table' });
});

test('the keys of a card work inside it, except where text is typed', () => {
  const channel = open(record('thread'));
  card(7).focus();
  assert.equal(press('r').defaultPrevented, true);
  assert.equal(document.activeElement?.closest('form')?.className, 'endo-reason');
  assert.equal(press('e').defaultPrevented, false);

  assert.equal(press('Enter', { ctrlKey: true }).defaultPrevented, true);

  assert.equal(channel.all('endow').length, 1);
});

test('keys typed in a view are not the notebook’s, and a save is', () => {
  open(record('thread'));
  const select = card(7).querySelector('select')!;
  const kept = (): boolean[] =>
    [select, document.querySelector('.endo')!].map(node => node.hasAttribute('data-lm-suppress-shortcuts'));
  select.focus();

  press('d');
  assert.deepEqual(kept(), [true, true]);
  press('s', { ctrlKey: true });
  assert.deepEqual(kept(), [false, false]);
  press('Enter', { shiftKey: true });
  assert.deepEqual(kept(), [true, true]);
});

test('a line break or an undo in a text field is the field’s', () => {
  open(record('thread'));
  button(card(7), 'Edit').click();
  const editor = card(7).querySelector('textarea')!;
  const heard: string[] = [];
  editor.addEventListener('beforeinput', event => heard.push(event.inputType));

  for (const inputType of ['insertText', 'insertLineBreak', 'historyUndo', 'historyRedo']) {
    editor.dispatchEvent(new window.InputEvent('beforeinput', { inputType, bubbles: true, cancelable: true }));
  }

  assert.deepEqual(heard, ['insertText']);
});

test('the focus stays with a card that was decided', () => {
  const kept = record('thread');
  const channel = open(kept);
  button(card(7), 'Approve and run').focus();

  push(channel, withCard(kept.view, 7, { state: 'running' }));

  assert.equal(document.activeElement, card(7));
});

test('a form sends JSON of the right types, and waits for what is missing', () => {
  const channel = open(record('states'));
  const answer = button(card(11), 'Answer');
  assert.equal(answer.disabled, true);
  choose(card(11).querySelector('select')!, '1');

  answer.click();

  assert.deepEqual(channel.last('answer'), {
    n: channel.last('answer').n,
    op: 'answer',
    card: 11,
    digest: 'd11',
    values: { threshold: 0.5, metric: 'recall', verbose: true, note: '' }
  });
});

test('a card whose outcome is unknown offers to run again, to give a result, and to mark it failed', () => {
  const channel = open(record('states'));
  button(card(10), 'Give a result…').click();
  choose(card(10).querySelector('select')!, 'typed');
  type(card(10).querySelector<HTMLInputElement>('.endo-give input')!, '[1, 2]');
  button(card(10), 'Use this result').click();

  assert.deepEqual(channel.last('resolve').binding, { literal: [1, 2] });
  assert.ok(button(card(10), 'Run again'));
  assert.ok(button(card(10), 'Mark failed…'));
});

test('without a kernel everything shows, nothing can be pressed, and the card says why', () => {
  const channel = open(record('thread'));

  channel.become('no kernel');
  opened!.draw();

  assert.equal(button(card(7), 'Approve and run').disabled, true);
  assert.equal(button(card(7), 'Reject…').disabled, true);
  assert.match(text(card(7)), /Start the kernel to decide on this card\./);
});

test('what an agent says brings no markup, pictures or scripts of its own', () => {
  open(record('states'));

  const said = document.querySelector('.endo-markdown')!;
  assert.equal(said.querySelector('img, script, iframe, style'), null);
  assert.deepEqual(
    [...said.querySelectorAll('a')].map(link => [link.getAttribute('href'), link.rel, link.target]),
    [['https://example.org/a', 'noopener noreferrer', '_blank']]
  );
  assert.match(text(said), /<img src=x onerror=alert\(1\)>/);
});

test('HTML output is drawn only where there is no text, and then without scripts and handlers', () => {
  open(record('states'));

  const html = card(1).querySelector('.endo-html')!;
  assert.equal(html.innerHTML, '<b>only</b> html ');
});

test('an open card announces itself by number, title and state', () => {
  open(record('thread'));

  assert.equal(card(7).getAttribute('aria-label'), 'Card 7: Fit a logistic model, waits for you');
});

test('every input has a label', () => {
  open(record('states'));
  button(card(13), 'Edit').click();

  for (const input of document.querySelectorAll<HTMLInputElement>('input, select, textarea')) {
    const named = input.getAttribute('aria-label') ?? input.closest('label')?.textContent;
    const tied = input.id && document.querySelector(`label[for="${input.id}"]`);
    assert.ok(named || tied, input.outerHTML);
  }
});

test('an empty inbox says so', () => {
  const kept = record('inbox');
  const channel = open(kept);

  push(channel, { head: { kind: 'inbox', count: 0, readonly: null }, order: [], entries: {} });

  assert.match(text(document.body), /Nothing waits for you\./);
});
