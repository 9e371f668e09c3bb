/**
 * The channel between one notebook and its kernel: a comm that is opened again whenever the kernel comes back.
 *
 * A kernel without Endo closes the comm at once; then the channel waits to be told to try again, since loading the
 * extension in a cell may have changed that.
 */

import type { ISessionContext } from '@jupyterlab/apputils';
import type { Kernel } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';

import type { Channel, ChannelState } from './connection';
import type { Message } from './protocol';
import { Signal } from './signal';

export const TARGET = 'endo.v1';

const GONE: ReadonlySet<Kernel.Status> = new Set<Kernel.Status>(['dead', 'terminating']);
const READY: ReadonlySet<Kernel.Status> = new Set<Kernel.Status>(['idle', 'busy']);

export class CommChannel implements Channel {
  readonly stateChanged = new Signal<ChannelState>();
  readonly received = new Signal<Message>();

  constructor(private readonly session: ISessionContext) {
    session.kernelChanged.connect(this.check, this);
    session.statusChanged.connect(this.check, this);
    session.connectionStatusChanged.connect(this.check, this);
    this.check();
  }

  get state(): ChannelState {
    return this._state;
  }

  retry(): void {
    this.refused = false;
    this.check();
  }

  send(message: object): void {
    this.comm?.send(message as JSONObject);
  }

  dispose(): void {
    this.session.kernelChanged.disconnect(this.check, this);
    this.session.statusChanged.disconnect(this.check, this);
    this.session.connectionStatusChanged.disconnect(this.check, this);
    this.drop();
  }

  /** Bring the comm in line with what is known of the kernel. */
  private check(): void {
    const kernel = this.session.session?.kernel ?? null;
    if (kernel !== this.kernel) {
      this.drop();
      this.kernel = kernel;
      this.refused = false;
    }
    if (!kernel || kernel.isDisposed || GONE.has(kernel.status)) {
      this.drop();
      this.become('no kernel');
    } else if (kernel.connectionStatus !== 'connected' || !READY.has(kernel.status)) {
      // Messages may have been lost meanwhile, and the process may be another: the next comm starts from a full view.
      this.drop();
      this.refused = false;
      this.become('connecting');
    } else if (this.refused) {
      this.become('no endo');
    } else if (!this.comm) {
      this.open(kernel);
    }
  }

  private open(kernel: Kernel.IKernelConnection): void {
    if (!kernel.handleComms) {
      this.become('no endo');
      return;
    }
    const comm = kernel.createComm(TARGET);
    comm.onMsg = message => {
      if (this.comm === comm) {
        this.received.emit(message.content.data as unknown as Message);
      }
    };
    comm.onClose = () => {
      if (this.comm === comm) {
        this.comm = null;
        this.refused = true;
        this.check();
      }
    };
    this.comm = comm;
    // The kernel makes no widget for a page that draws records live.
    comm.open({ client: 'jupyterlab' });
    this.become('connected');
  }

  private drop(): void {
    const comm = this.comm;
    this.comm = null;
    const kernel = this.kernel;
    const listens = kernel && !kernel.isDisposed && kernel.connectionStatus === 'connected' && READY.has(kernel.status);
    if (comm && !comm.isDisposed && listens) {
      comm.close();
    } else {
      comm?.dispose();
    }
  }

  private become(state: ChannelState): void {
    if (state !== this._state) {
      this._state = state;
      this.stateChanged.emit(state);
    }
  }

  private _state: ChannelState = 'connecting';
  private kernel: Kernel.IKernelConnection | null = null;
  private comm: Kernel.IComm | null = null;
  private refused = false;
}
