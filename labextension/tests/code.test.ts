import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parseLiteral } from '../src/views/literal';
import { pythonLines } from '../src/views/python';
import { findHidden, visible } from '../src/views/visible';

const shown = (code: string, ...slots: string[]): string[] =>
  pythonLines(code, new Set(slots)).map(line => line.map(piece => piece.text).join(''));

const source = (code: string): string =>
  pythonLines(code, new Set())
    .flat()
    .map(piece => piece.source)
    .join('');

const looks = (code: string, text: string, ...slots: string[]): string[] =>
  pythonLines(code, new Set(slots))
    .flat()
    .filter(piece => piece.text === text)
    .map(piece => piece.look);

test('what is drawn accounts for every character of the code', () => {
  for (const code of [
    '',
    'a',
    'a\n',
    '\n\na\r\nb\rc',
    'x = "\u{1f600}\u200d"\t# \u202e\u2066',
    'def f(:\n  broken ((',
    '\ud800'
  ]) {
    assert.equal(source(code), code);
  }
});

test('characters that do not show, or look like a space, are spelled out', () => {
  assert.deepEqual(shown('a\u202eb\u200bc\u00a0d\ufeff\u3164'), ['a⟨U+202E⟩b⟨U+200B⟩c⟨U+00A0⟩d⟨U+FEFF⟩⟨U+3164⟩']);
});

test('a carriage return ends a comment for Python, so it ends the line here', () => {
  assert.deepEqual(shown('# harmless\rimport os'), ['# harmless⟨U+000D⟩', 'import os']);
});

test('letters that only look like ASCII are marked, except in strings and comments', () => {
  assert.deepEqual(looks('\u0430 = "\u0430" # \u0430', '\u0430'), ['strange']);
});

test('a slot is marked where it is a name, not where it is text or an attribute', () => {
  assert.deepEqual(looks('f(table, "table", x.table)', 'table', 'table'), ['slot']);
});

test('keywords, strings and numbers are told apart', () => {
  assert.deepEqual(looks('import os', 'import'), ['k']);
  assert.deepEqual(looks('x = "s"', '"s"'), ['s']);
  assert.deepEqual(looks('x = 12', '12'), ['n']);
});

test('a title cannot be turned around', () => {
  assert.equal(visible('delete \u202eselif'), 'delete ⟨U+202E⟩selif');
  assert.equal(visible('two\nlines'), 'two\nlines');
});

test('an editor is warned of what it cannot show', () => {
  assert.deepEqual(findHidden('a\nb\u200b'), [{ point: 'U+200B', line: 2 }]);
});

test('a typed value is JSON, a number, a Python constant, or text', () => {
  const value = (typed: string): unknown => {
    const literal = parseLiteral(typed);
    return literal.ok ? literal.value : new Error(literal.why);
  };

  assert.deepEqual(['0.2', ' .5 ', '-3', '[1, "a"]', '"7"', 'True', 'None', 'monthly rate'].map(value), [
    0.2,
    0.5,
    -3,
    [1, 'a'],
    '7',
    true,
    null,
    'monthly rate'
  ]);
  for (const refused of ['', '{"a": 1', '12345678901234567890', '1e999']) {
    assert.ok(value(refused) instanceof Error, refused);
  }
});
