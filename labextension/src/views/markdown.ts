/**
 * A guest's words as Markdown, without a way to bring markup, pictures or scripts of its own.
 *
 * Raw HTML is shown as the text it is, pictures become their description, and the result is sanitised as well.
 */

import DOMPurify from 'dompurify';
import { Marked, Tokens } from 'marked';

import { visible } from './visible';

const TAGS = [
  'p',
  'br',
  'hr',
  'strong',
  'em',
  'del',
  'code',
  'pre',
  'blockquote',
  'ul',
  'ol',
  'li',
  'a',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td'
];

function escape(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

const marked = new Marked({
  gfm: true,
  breaks: false,
  async: false,
  renderer: {
    html: (token: Tokens.HTML | Tokens.Tag) => escape(token.text),
    image: (token: Tokens.Image) => escape(`[picture: ${token.text || token.href}]`),
    checkbox: (token: Tokens.Checkbox) => (token.checked ? '☑ ' : '☐ ')
  }
});

/** Render Markdown to nodes that are safe to insert. */
export function drawMarkdown(text: string): DocumentFragment {
  const fragment = DOMPurify.sanitize(marked.parse(visible(text)) as string, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ['href', 'title', 'start', 'align'],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true
  });
  for (const link of fragment.querySelectorAll('a')) {
    if (!link.hasAttribute('href')) {
      link.replaceWith(...link.childNodes);
      continue;
    }
    link.setAttribute('rel', 'noopener noreferrer');
    link.setAttribute('target', '_blank');
    // Where a link leads is seen before it is followed, whatever it calls itself.
    link.title = link.getAttribute('href') ?? '';
  }
  return fragment;
}
