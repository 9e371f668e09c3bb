/**
 * Python source as lines of pieces to draw: highlighted, with slots marked, and with every character accounted for.
 *
 * Joining the `source` of all pieces gives back the code byte for byte; a test holds that.
 */

import type { SyntaxNodeRef } from '@lezer/common';
import { highlightTree, tagHighlighter, tags } from '@lezer/highlight';
import { parser } from '@lezer/python';

import { badge, codePoint, isHidden } from './visible';

/** A run of characters that look alike. `source` is what stands in the code, `text` what is shown for it. */
export interface Piece {
  source: string;
  text: string;
  look: string;
  title?: string;
}

const highlighter = tagHighlighter([
  {
    tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword, tags.definitionKeyword, tags.moduleKeyword],
    class: 'k'
  },
  { tag: [tags.self, tags.bool, tags.null], class: 'k' },
  { tag: [tags.string, tags.special(tags.string), tags.docString], class: 's' },
  { tag: tags.escape, class: 's' },
  { tag: tags.number, class: 'n' },
  { tag: [tags.comment, tags.lineComment], class: 'c' },
  {
    tag: [
      tags.function(tags.variableName),
      tags.function(tags.propertyName),
      tags.function(tags.definition(tags.variableName)),
      tags.definition(tags.className)
    ],
    class: 'f'
  },
  { tag: tags.meta, class: 'f' }
]);

function looks(code: string, slots: ReadonlySet<string>): string[] {
  const look = new Array<string>(code.length).fill('');
  const tree = parser.parse(code);
  highlightTree(tree, highlighter, (from, to, cls) => look.fill(cls, from, to));
  tree.iterate({
    enter: (node: SyntaxNodeRef) => {
      if (node.name === 'VariableName' && slots.has(code.slice(node.from, node.to))) {
        look.fill('slot', node.from, node.to);
      }
    }
  });
  return look;
}

function pieceOf(char: string, look: string): Piece {
  if (isHidden(char)) {
    return {
      source: char,
      text: badge(char),
      look: 'hidden',
      title: `A character that does not show: ${codePoint(char)}`
    };
  }
  if (char === '\t') {
    return { source: char, text: char, look: 'tab', title: 'A tab' };
  }
  const strange = char.codePointAt(0)! > 126 && look !== 's' && look !== 'c';
  return strange
    ? { source: char, text: char, look: 'strange', title: `Not an ASCII letter: ${codePoint(char)}` }
    : { source: char, text: char, look };
}

/** Cut code into lines; Python also ends a line at a carriage return, so a lone one ends a line here. */
export function pythonLines(code: string, slots: ReadonlySet<string>): Piece[][] {
  const look = looks(code, slots);
  const lines: Piece[][] = [[]];
  let at = 0;
  for (const char of code) {
    const line = lines[lines.length - 1];
    if (char === '\n') {
      line.push({ source: char, text: '', look: '' });
      lines.push([]);
    } else {
      const piece = pieceOf(char, look[at]);
      const last = line[line.length - 1];
      if (last && last.look === piece.look && !last.title && !piece.title) {
        last.source += piece.source;
        last.text += piece.text;
      } else {
        line.push(piece);
      }
      if (char === '\r' && code[at + 1] !== '\n') {
        lines.push([]);
      }
    }
    at += char.length;
  }
  if (lines.length > 1 && lines[lines.length - 1].length === 0) {
    lines.pop();
  }
  return lines;
}
