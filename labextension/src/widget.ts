/**
 * The same views as an anywidget, for front ends without the extension (VS Code, Colab, marimo).
 *
 * The Python side keeps what is shown in the traits `show` and `snapshot`, and carries protocol messages as custom
 * messages.
 */

import { Channel, ChannelState, Connection } from './connection';
import { ViewModel } from './model';
import type { Message } from './protocol';
import { parseRecord } from './record';
import { Signal } from './signal';
import { EndoView } from './views/view';

/** The part of anywidget's model that is used here. */
export interface WidgetModel {
  get(name: 'show' | 'snapshot'): unknown;
  send(message: object): void;
  on(event: string, listener: (message: unknown) => void): void;
  off(event: string, listener: (message: unknown) => void): void;
}

class WidgetChannel implements Channel {
  readonly stateChanged = new Signal<ChannelState>();
  readonly received = new Signal<Message>();

  constructor(private readonly model: WidgetModel) {
    model.on('msg:custom', this.onMessage);
    model.on('comm_live_update', this.onLost);
  }

  get state(): ChannelState {
    return this._state;
  }

  retry(): void {
    this.become('connected');
  }

  send(message: object): void {
    this.model.send(message);
  }

  dispose(): void {
    this.model.off('msg:custom', this.onMessage);
    this.model.off('comm_live_update', this.onLost);
  }

  private readonly onMessage = (message: unknown): void => {
    this.become('connected');
    this.received.emit(message as Message);
  };

  /** A widget's comm does not come back: after a restart the cell makes another. */
  private readonly onLost = (): void => this.become('no kernel');

  private become(state: ChannelState): void {
    if (state !== this._state) {
      this._state = state;
      this.stateChanged.emit(state);
    }
  }

  private _state: ChannelState = 'connected';
}

/** Draw the record of a widget and keep it live until the returned function is called. */
function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  const record = parseRecord({ v: 1, show: model.get('show'), store: '', view: model.get('snapshot') });
  if (!record) {
    el.textContent = 'This record was written by another version of Endo, and cannot be shown here.';
    return () => undefined;
  }
  const connection = new Connection(new WidgetChannel(model));
  const viewModel = new ViewModel(record.show, { connection, record });
  const view = new EndoView(viewModel);
  el.replaceChildren(view.node);
  return () => {
    view.dispose();
    viewModel.dispose();
    connection.dispose();
  };
}

export default { render };
