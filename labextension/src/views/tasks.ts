/** All tasks in a table: how each stands, how far its plan is, what it waits for, what it used. */

import type { TaskRow, TasksHead, View } from '../protocol';
import { arrange, h, Section } from './dom';
import type { Pane } from './pane';
import { visible } from './visible';
import { clock, longTime, money, statusTone, tokens } from './wording';

function drawRow(row: TaskRow): HTMLElement {
  const status = h('span', { class: `endo-chip endo-tone-${statusTone(row.status)}` }, row.status_text);
  const progress = row.progress ? `${row.progress[0]} of ${row.progress[1]}` : '';
  const plan = [progress, row.plan_step && visible(row.plan_step)].filter(Boolean).join(' · ');
  const waits = row.waiting_for.map(number => `#${number}`).join(', ');
  const used = row.usd === null ? tokens(row.tokens) : `${tokens(row.tokens)} · ${money(row.usd)}`;
  return h(
    'tr',
    {},
    h('td', { class: 'endo-mono' }, String(row.id)),
    h('th', { scope: 'row' }, visible(row.title)),
    h('td', {}, status),
    h('td', {}, plan),
    h('td', { class: 'endo-mono' }, waits),
    h('td', {}, used),
    h('td', {}, h('time', { datetime: row.updated, title: longTime(row.updated) }, clock(row.updated)))
  );
}

const COLUMNS = ['Task', 'Title', 'Status', 'Plan', 'Waits for', 'Used', 'Changed'];

export class TasksPane implements Pane {
  readonly node = h('section', { class: 'endo-tasks', 'aria-label': 'Tasks' });

  update(view: View): void {
    const { rows } = view.head as TasksHead;
    this.rows.show(rows, () =>
      rows.length
        ? [
            h(
              'table',
              { class: 'endo-task-table' },
              h('thead', {}, h('tr', {}, ...COLUMNS.map(name => h('th', { scope: 'col' }, name)))),
              h('tbody', {}, ...rows.map(drawRow))
            )
          ]
        : [h('p', { class: 'endo-empty endo-muted' }, 'No tasks yet. Start one with %%endo task.')]
    );
    arrange(this.node, [this.rows.node]);
  }

  refresh(): void {
    return;
  }

  onKey(): boolean {
    return false;
  }

  private readonly rows = new Section(h('div', { class: 'endo-scroll' }));
}
