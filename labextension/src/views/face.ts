/** What a card looks like in one group of its states; a card changes its face when it is decided. */

import type { Card } from '../protocol';

export interface Face {
  readonly node: HTMLElement;
  update(card: Card): void;
  /** Whether acting is possible has changed. */
  refresh(): void;
  approve?(): void;
  edit?(): void;
  reject?(): void;
}
