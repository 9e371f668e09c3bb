/**
 * Characters that a reader cannot see, or cannot tell from others, given a form that can be seen.
 *
 * Code that hides something in a bidirectional override, a zero-width character or a lone carriage return must look
 * like code that hides something.
 */

/** Controls, format characters, line separators, spaces other than the ordinary one, fillers, and lone surrogates. */
const HIDDEN =
  /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}|\p{Co}|(?! )\p{Zs}|[\u115f\u1160\u3164\uffa0\u2800]|[\ufe00-\ufe0f]|[\u{e0100}-\u{e01ef}]/u;

/** Whether a character is shown by its code point rather than by its own shape. Tabs and newlines are not. */
export function isHidden(char: string): boolean {
  return char !== '\n' && char !== '\t' && HIDDEN.test(char);
}

export function codePoint(char: string): string {
  return `U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
}

export function badge(char: string): string {
  return `⟨${codePoint(char)}⟩`;
}

/**
 * One line or paragraph of a guest's words, where what would disturb the order of the text or parts words unseen is
 * spelled out. Joiners stay: scripts and emoji need them.
 */
export function visible(text: string): string {
  return text.replace(/[\p{Bidi_Control}\p{Cc}\p{Zl}\p{Zp}\u180e\u200b\u2060-\u2064\ufeff]/gu, char =>
    char === '\n' || char === '\t' ? char : badge(char)
  );
}

/** The hidden characters of a text with the lines they are in, for a warning beside an editor. */
export function findHidden(text: string): { point: string; line: number }[] {
  let line = 1;
  const found: { point: string; line: number }[] = [];
  for (const char of text) {
    if (char === '\n') {
      line++;
    } else if (isHidden(char)) {
      found.push({ point: codePoint(char), line });
    }
  }
  return found;
}
