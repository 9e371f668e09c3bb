/** The head of a thread: its title, how it stands, how far the plan is, what it cost, and what the host can do to it. */

import type { PlanStep, TaskHead } from '../protocol';
import { Attempt, Daemon } from './attempt';
import { arrange, Child, h, Section, setAttribute, setText } from './dom';
import { Menu } from './menu';
import { Reason } from './reason';
import { visible } from './visible';
import { clock, REHEARSAL, statusTone, usageText, usageTitle } from './wording';

const RESUMABLE = new Set(['paused', 'failed', 'sleeping']);
const ENDED = new Set(['done', 'cancelled']);

function drawProgress(progress: [number, number] | null): Child[] {
  if (!progress) {
    return [];
  }
  const [done, total] = progress;
  const bar = h('span', {
    class: 'endo-bar',
    role: 'progressbar',
    'aria-label': 'Plan',
    'aria-valuemin': 0,
    'aria-valuenow': done,
    'aria-valuemax': total
  });
  const fill = h('i');
  fill.style.width = `${total ? Math.round((100 * done) / total) : 0}%`;
  bar.append(fill);
  return [bar, h('span', { class: 'endo-muted endo-small' }, `${done} of ${total}`)];
}

const MARKS: Record<PlanStep['status'], string> = { done: '✓ ', active: '→ ', pending: '' };

function drawPlan(plan: PlanStep[]): Child[] {
  const steps = plan.map(step =>
    h(
      'li',
      { class: `endo-plan-${step.status}`, 'aria-current': step.status === 'active' ? 'step' : null },
      MARKS[step.status] + visible(step.title),
      step.status === 'done' && h('span', { class: 'endo-unseen' }, ' (done)')
    )
  );
  return [h('ol', { class: 'endo-small' }, ...steps)];
}

export class Header {
  readonly node = h('div');

  constructor(private readonly daemon: Daemon) {
    this.attempt = new Attempt(daemon, () => this.refresh());
    this.menu = new Menu('More');
    this.pause = h('button', { type: 'button', class: 'endo-icon', on: { click: () => this.togglePause() } });
    this.cancel = new Reason(
      { label: 'Why is it cancelled? The agent does nothing more.', confirm: 'Cancel task', back: 'Keep it' },
      reason => void this.cancelTask(reason),
      () => this.menu.button
    );
    const bar = [this.title, this.rehearsal, this.chip, this.progress.node, this.usage, this.pause, this.menu.node];
    this.plan = new Section(h('div'));
    this.details = h(
      'details',
      { class: 'endo-plan' },
      h('summary', { class: 'endo-muted endo-small' }, 'Plan'),
      this.plan.node
    );
    arrange(this.node, [
      h('header', { class: 'endo-header' }, ...bar),
      this.why,
      this.attempt.alert,
      this.attempt.waiting,
      this.cancel.node,
      this.details
    ]);
  }

  update(head: TaskHead): void {
    if (this.head && this.head.status !== head.status) {
      this.attempt.settle();
    }
    this.head = head;
    setText(this.title, visible(head.title));
    setAttribute(this.title, 'title', visible(head.title));
    setText(this.chip, head.status_text);
    this.chip.className = `endo-chip endo-tone-${statusTone(head.status)}`;
    this.rehearsal.hidden = !head.rehearsal;
    this.progress.show(head.progress, () => drawProgress(head.progress));
    setText(this.usage, usageText(head.usage));
    setAttribute(this.usage, 'title', `${usageTitle(head.usage)} · ${head.model}`);
    const retry = head.retry_at ? `Tries again at ${clock(head.retry_at)}.` : '';
    setText(this.why, [head.why && visible(head.why), retry].filter(Boolean).join(' · '));
    this.why.hidden = this.why.textContent === '';
    this.plan.show(head.plan, () => (head.plan.length ? drawPlan(head.plan) : []));
    this.details.hidden = head.plan.length === 0;
    this.refresh();
  }

  refresh(): void {
    const head = this.head;
    if (!head) {
      return;
    }
    const blocked = !!this.daemon.blocked;
    const label = RESUMABLE.has(head.status) ? 'Resume' : 'Pause';
    setText(this.pause, label === 'Resume' ? '▶' : '❚❚');
    setAttribute(this.pause, 'title', label);
    setAttribute(this.pause, 'aria-label', label);
    setAttribute(this.pause, 'aria-disabled', this.attempt.busy ? 'true' : null);
    this.pause.disabled = blocked;
    this.pause.hidden = ENDED.has(head.status);
    const ended = ENDED.has(head.status);
    this.menu.show(ended ? [] : [{ label: 'Cancel task…', disabled: blocked, act: () => this.cancel.open() }]);
    if (ended || blocked) {
      this.cancel.node.hidden = true;
    }
  }

  private togglePause(): void {
    const head = this.head;
    if (head && !this.daemon.blocked) {
      void this.attempt.make({ op: RESUMABLE.has(head.status) ? 'resume' : 'pause', task: head.id });
    }
  }

  private async cancelTask(reason: string): Promise<void> {
    if (this.head && (await this.attempt.make({ op: 'cancel', task: this.head.id, reason }))) {
      this.cancel.close();
    }
  }

  private readonly title = h('h2', {});
  private readonly chip = h('span', { class: 'endo-chip', role: 'status' });
  private readonly rehearsal = h(
    'span',
    {
      class: 'endo-chip endo-rehearsal',
      title: REHEARSAL,
      tabindex: 0,
      'data-means': REHEARSAL,
      'aria-label': `rehearsal: ${REHEARSAL}`
    },
    'rehearsal'
  );
  private readonly progress = new Section(h('span', { class: 'endo-progress' }));
  private readonly usage = h('span', { class: 'endo-muted endo-small endo-usage' });
  private readonly why = h('div', { class: 'endo-why-task endo-small', hidden: true });
  private readonly plan: Section;
  private readonly details: HTMLElement;
  private readonly pause: HTMLButtonElement;
  private readonly menu: Menu;
  private readonly cancel: Reason;
  private readonly attempt: Attempt;
  private head: TaskHead | null = null;
}
