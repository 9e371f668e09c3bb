/** Values that the host types: JSON, or a plain number, a Python constant, or text as it stands. */

import type { Json } from '../protocol';

export type Literal = { ok: true; value: Json; says: string } | { ok: false; why: string };

const CONSTANTS: { [word: string]: Json } = { True: true, False: false, None: null };

function says(value: Json): string {
  if (value === null) {
    return 'None';
  }
  if (Array.isArray(value)) {
    return `a list of ${value.length}`;
  }
  switch (typeof value) {
    case 'object':
      return `a dict of ${Object.keys(value).length}`;
    case 'string':
      return `the text ${JSON.stringify(value)}`;
    case 'boolean':
      return value ? 'True' : 'False';
    default:
      return `the number ${value}`;
  }
}

/** Numbers that JavaScript would silently round to another number. */
function isRounded(value: Json): boolean {
  if (typeof value === 'number') {
    return !Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value));
  }
  return typeof value === 'object' && value !== null && Object.values(value).some(isRounded);
}

function read(typed: string): Json | undefined {
  try {
    return JSON.parse(typed) as Json;
  } catch {
    if (typed in CONSTANTS) {
      return CONSTANTS[typed];
    }
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(typed)) {
      return Number(typed);
    }
    return /^[[{"]/.test(typed) ? undefined : typed;
  }
}

/** Read what was typed, and say what it was taken for. */
export function parseLiteral(text: string): Literal {
  const typed = text.trim();
  if (typed === '') {
    return { ok: false, why: 'Type a value; "" is the empty text.' };
  }
  const value = read(typed);
  if (value === undefined) {
    return { ok: false, why: 'This starts like JSON, but is not.' };
  }
  if (isRounded(value)) {
    return { ok: false, why: 'A number this large cannot be typed here; choose a variable that holds it.' };
  }
  return { ok: true, value, says: says(value) };
}
