/** What the page says, and how it writes numbers and times. */

import type { Blocked } from '../model';
import type { Card, CardState, Realm, TaskStatus, Usage } from '../protocol';

export const REALMS: Record<Realm, { badge: string; means: string }> = {
  notebook: {
    badge: 'runs in your notebook',
    means: 'Runs in your Python process: it can do what a cell of yours can do.'
  },
  confined: {
    badge: 'confined',
    means: 'Runs in a sandbox: it sees only what you put into its slots.'
  }
};

export const REHEARSAL = 'A built-in script answers, not a language model.';
export const READING = 'A static reading: what it finds is there, what it misses may still happen.';
export const UNKNOWN =
  'The kernel died while this ran, so it may have had effects. It is not run again unless you say so.';

const STATES: Record<CardState, string> = {
  open: 'waits for you',
  approved: 'approved',
  running: 'running',
  done: 'done',
  failed: 'failed',
  unknown: 'outcome unknown',
  rejected: 'rejected',
  withdrawn: 'withdrawn',
  expired: 'expired'
};

export function stateWord(card: Card): string {
  return STATES[card.state] ?? card.state;
}

const TONES: Record<TaskStatus, string> = {
  ready: 'run',
  thinking: 'run',
  running: 'run',
  waiting: 'waiting',
  idle: 'idle',
  sleeping: 'waiting',
  paused: 'idle',
  done: 'done',
  failed: 'error',
  cancelled: 'idle'
};

export function statusTone(status: TaskStatus): string {
  return TONES[status] ?? 'idle';
}

/** Why acting is not possible now, and what would make it possible. */
export function blockedText(blocked: Blocked, act: string): string {
  if (typeof blocked === 'object') {
    return 'refused' in blocked ? blocked.refused : blocked.readonly;
  }
  switch (blocked) {
    case 'no notebook':
      return `This is a record. Open it in its notebook to ${act}.`;
    case 'no kernel':
      return `Start the kernel to ${act}.`;
    case 'no endo':
      return `This kernel does not run Endo. Choose the kernel "Python 3 (Endo)", or run %load_ext endo_kernel, to ${act}.`;
    default:
      return 'Connecting to the kernel…';
  }
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
}

const two = (n: number): string => String(n).padStart(2, '0');

/** The local time of day, with the day where that is not today. */
export function clock(iso: string, now = new Date()): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) {
    return '';
  }
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (at.toDateString() === now.toDateString()) {
    return time;
  }
  const year = at.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year })} ${time}`;
}

/** The full local date and time, for a tooltip. */
export function longTime(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? '' : at.toLocaleString('en-GB');
}

export function tokens(n: number): string {
  const short = n < 1000 ? String(n) : n < 1e6 ? `${(n / 1000).toFixed(1)}k` : `${(n / 1e6).toFixed(2)}M`;
  return `${short} tokens`;
}

export function money(usd: number): string {
  return usd < 0.005 && usd > 0 ? 'under $0.01' : `$${usd.toFixed(2)}`;
}

export function usageText(usage: Usage): string {
  return usage.usd === null ? tokens(usage.total) : `${tokens(usage.total)} · ${money(usage.usd)}`;
}

export function usageTitle(usage: Usage): string {
  const parts: [string, number][] = [
    ['input', usage.input],
    ['output', usage.output],
    ['read from cache', usage.cache_read],
    ['written to cache', usage.cache_write]
  ];
  const told = parts.filter(([name, n]) => n > 0 || name === 'input' || name === 'output');
  return told.map(([name, n]) => `${name} ${n.toLocaleString('en')}`).join(' · ');
}

export function seconds(n: number): string {
  return n < 10 ? `${n.toFixed(2)} s` : n < 100 ? `${n.toFixed(1)} s` : `${Math.round(n)} s`;
}

const MAC = typeof navigator !== 'undefined' && /Mac OS X|iP(hone|ad)/.test(navigator.userAgent);

export const APPROVE_KEYS = MAC ? '⌘⏎' : 'Ctrl ⏎';
