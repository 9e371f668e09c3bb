/** What one kind of view looks like. */

import type { View } from '../protocol';

export interface Pane {
  readonly node: HTMLElement;
  update(view: View): void;
  /** Whether acting is possible has changed. */
  refresh(): void;
  /** Act on a key; says whether it was one of this view's keys. */
  onKey(event: KeyboardEvent): boolean;
}
