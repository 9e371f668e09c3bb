/**
 * The words that the page and the daemon exchange: requests, replies, views and the records kept in notebooks.
 *
 * Types only. How they travel is `connection`'s matter, and what they mean on the screen is the views'.
 */

/** A value as JSON can say it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a view is a view of. */
export type Show =
  { kind: 'task'; task: number | string } | { kind: 'inbox' } | { kind: 'card'; card: number } | { kind: 'tasks' };

export type Realm = 'confined' | 'notebook';

export type CardState =
  'open' | 'approved' | 'running' | 'done' | 'failed' | 'unknown' | 'rejected' | 'withdrawn' | 'expired';

export type TaskStatus =
  'ready' | 'thinking' | 'running' | 'waiting' | 'idle' | 'sleeping' | 'paused' | 'done' | 'failed' | 'cancelled';

/** Where a value is found: a variable as it was when the card was drawn, or a pet name. */
export type Ref = { variable: string; token: string } | { name: string };

/** What the host puts into a slot; `allow` names the only members that confined code may use. */
export type Binding = (Ref & { allow?: string[] }) | { literal: Json };

export interface Member {
  name: string;
  signature: string;
  doc: string | null;
  kind: 'method' | 'attribute';
}

export interface Candidate {
  ref: Ref;
  label: string;
  type: string;
  detail: string;
  origin: string;
  fit: number;
  members: Member[] | null;
}

export interface Bound {
  label: string;
  origin: string;
  detail: string;
  pending: boolean;
  gone: boolean;
}

export interface Slot {
  name: string;
  label: string;
  type: string | null;
  from: string | null;
  bound: Bound | null;
  lost: string | null;
  candidates: Candidate[];
}

export interface Field {
  name: string;
  label: string;
  type: 'string' | 'number' | 'boolean' | 'choice';
  choices: Json[] | null;
  default: Json;
}

export interface Decided {
  what: 'approved' | 'rejected' | 'withdrawn' | 'expired';
  at: string;
  who: string;
  why: string | null;
  edited: boolean;
}

export type MimeData = { [mime: string]: Json };

export type Output = { kind: 'stream'; name: string; text: string } | { kind: 'display'; data: MimeData };

export interface Outcome {
  status: 'done' | 'failed' | 'unknown';
  result: string | null;
  detail: string | null;
  seconds: number | null;
  table: { columns: string[]; rows: string[][]; more: string | null } | null;
  text: string | null;
  output: Output[];
  error: { type: string; message: string; traceback: string } | null;
  answer: { [field: string]: Json } | null;
}

/** A card as the host sees it, in whatever state. */
export interface Card {
  number: number;
  kind: 'definition' | 'form' | 'request';
  task: number | string;
  task_title: string;
  title: string;
  explanation: string | null;
  state: CardState;
  at: string;
  digest: string;
  realm: Realm | null;
  code: string | null;
  reading: { imports: string[]; finds: string[] } | null;
  result: string | null;
  slots: Slot[];
  fields: Field[] | null;
  label: string | null;
  type: string | null;
  candidates: Candidate[] | null;
  decided: Decided | null;
  queued: string | null;
  outcome: Outcome | null;
}

interface EntryBase {
  key: string;
  at: string;
}

export type Entry = EntryBase &
  (
    | { kind: 'host'; text: string; queued: boolean }
    | { kind: 'agent'; who: string; text: string }
    | { kind: 'note'; level: 'info' | 'warn' | 'error'; text: string }
    | { kind: 'live'; who: string; text: string }
    | { kind: 'card'; card: Card }
  );

export interface PlanStep {
  title: string;
  status: 'pending' | 'active' | 'done';
}

export interface Usage {
  input: number;
  output: number;
  cache_read: number;
  cache_write: number;
  total: number;
  usd: number | null;
}

export interface TaskHead {
  kind: 'task';
  id: number | string;
  title: string;
  status: TaskStatus;
  status_text: string;
  why: string | null;
  model: string;
  rehearsal: boolean;
  progress: [number, number] | null;
  plan: PlanStep[];
  usage: Usage;
  waiting_for: number[];
  retry_at: string | null;
  readonly: string | null;
  earlier: number;
  reply_hint: string;
}

export interface CardsHead {
  kind: 'inbox' | 'card';
  count: number;
  readonly: string | null;
}

export interface TaskRow {
  id: number | string;
  title: string;
  status: TaskStatus;
  status_text: string;
  progress: [number, number] | null;
  plan_step: string | null;
  waiting_for: number[];
  tokens: number;
  usd: number | null;
  updated: string;
}

export interface TasksHead {
  kind: 'tasks';
  rows: TaskRow[];
  readonly?: string | null;
}

export type Head = TaskHead | CardsHead | TasksHead;

/** All that a view shows: a head, and entries in an order. */
export interface View {
  head: Head;
  order: string[];
  entries: { [key: string]: Entry };
}

/** What a notebook keeps of a view: it renders without a kernel. */
export interface ViewRecord {
  v: 1;
  show: Show;
  store: string;
  view: View;
}

/** What the page may ask of the daemon. */
export type Request =
  | { op: 'hello'; view: string; show: Show; store?: string; path?: string }
  | { op: 'bye'; view: string }
  | {
      op: 'endow';
      card: number;
      digest: string;
      bindings: { [slot: string]: Binding };
      code?: string;
      realm?: Realm;
      result?: string;
    }
  | { op: 'reject'; card: number; digest: string; reason: string }
  | { op: 'answer'; card: number; digest: string; values: { [field: string]: Json } }
  | { op: 'answer'; card: number; digest: string; binding: Binding }
  | { op: 'rerun'; card: number }
  | { op: 'resolve'; card: number; binding: Binding }
  | { op: 'fail'; card: number; reason: string }
  | { op: 'send'; task: number | string; text: string; withdraw?: boolean }
  | { op: 'pause'; task: number | string }
  | { op: 'resume'; task: number | string }
  | { op: 'cancel'; task: number | string; reason: string }
  | { op: 'texts'; show: Show }
  | { op: 'earlier'; task: number | string; before: string };

/** What `earlier` gives: older entries, and how many are older still. */
export interface Earlier {
  entries: Entry[];
  earlier: number;
}

/** A request as it travels; `n` pairs it with its reply. */
export type Numbered = Request & { n: number };

export type Reply =
  | { type: 'reply'; n: number; ok: true; result: unknown }
  | { type: 'reply'; n: number; ok: false; error: string; kind: string };

/** What the daemon says. */
export type Message = Reply | ViewMessage | { type: 'text'; view: string; key: string; text: string };

/** A view message as it travels: `view` is the id of the view it is for. */
export interface ViewMessage {
  type: 'view';
  view: string;
  seq: number;
  full: boolean;
  head: Head;
  order: string[];
  entries: { [key: string]: Entry };
}

export const TASK_MIME = 'application/vnd.endo.task+json';
export const CARDS_MIME = 'application/vnd.endo.cards+json';
