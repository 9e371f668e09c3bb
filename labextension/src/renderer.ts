/**
 * The renderer of task and card records in notebooks: live where the notebook's kernel answers, a record elsewhere.
 *
 * A live view writes what it shows back into the output when it has settled, so that the saved notebook is the
 * record. It writes only what differs, and never from text that is still coming.
 */

import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { JSONExt, PartialJSONObject } from '@lumino/coreutils';
import { Widget } from '@lumino/widgets';

import { CommChannel } from './comm';
import { Connection } from './connection';
import { ViewModel } from './model';
import { CARDS_MIME, TASK_MIME } from './protocol';
import { makeRecord, parseRecord } from './record';
import { Signal, Stop } from './signal';
import { EndoView } from './views/view';

/** Before the widget view (-10) and text/html, so that a record is drawn as what it is. */
const RANK = -20;
/** How long a view must be still before it is written into the output. */
const SETTLED = 700;

/** The notebook around an output; null where there is none. */
export interface Place {
  connection(): Connection;
  path(): string;
  readonly writable: boolean;
  /** Emits right before the notebook is saved. */
  readonly saving: Signal<void>;
}

class RecordRenderer extends Widget implements IRenderMime.IRenderer {
  constructor(
    private readonly mimeType: string,
    private readonly place: Place | null
  ) {
    super();
    this.addClass('endo-output');
    this.stop = place?.saving.connect(() => this.writeNow());
  }

  renderModel(output: IRenderMime.IMimeModel): Promise<void> {
    this.render(output);
    return Promise.resolve();
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.stop?.();
      this.clear();
      super.dispose();
    }
  }

  private render(output: IRenderMime.IMimeModel): void {
    this.output = output;
    const data = output.data[this.mimeType];
    // JupyterLab renders again whatever this renderer wrote itself.
    if (this.model && JSONExt.deepEqual(data ?? null, this.written ?? {})) {
      return;
    }
    const record = parseRecord(data);
    if (!record) {
      this.clear();
      this.node.textContent = 'This record was written by another version of Endo, and cannot be shown here.';
      return;
    }
    if (this.model && this.model.store === record.store && JSONExt.deepEqual(this.model.show, record.show)) {
      this.model.showRecord(record);
      return;
    }
    this.clear();
    const connection = this.place?.connection() ?? null;
    this.model = new ViewModel(record.show, { connection, record, path: () => this.place?.path() ?? '' });
    this.model.changed.connect(change => change === 'view' && this.writeSoon());
    this.view = new EndoView(this.model);
    this.node.replaceChildren(this.view.node);
  }

  private clear(): void {
    clearTimeout(this.timer);
    this.view?.dispose();
    this.model?.dispose();
    this.view = null;
    this.model = null;
    this.written = null;
  }

  private writeSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), SETTLED);
  }

  /** Write without waiting for the texts, so that what is saved now is what is shown now. */
  private writeNow(): void {
    const { output, unwritten } = this;
    if (output && unwritten) {
      this.put(output, unwritten, {});
      this.textsDue = true;
      this.writeSoon();
    }
  }

  private write(): void {
    const { model, output } = this;
    const record = this.unwritten ?? (this.textsDue ? this.written : null);
    if (!model || !output || !record) {
      return;
    }
    // What a page shows that does not know the record must not tell an older story.
    void this.texts(model).then(texts => {
      if (this.model === model && this.output === output) {
        this.textsDue = false;
        this.put(output, record, texts);
      }
    });
  }

  private put(output: IRenderMime.IMimeModel, record: PartialJSONObject, texts: PartialJSONObject): void {
    this.written = record;
    output.setData({ data: { ...output.data, ...texts, [this.mimeType]: record } });
  }

  /** What the output should hold and does not; null where it does, or where there is nothing to write yet. */
  private get unwritten(): PartialJSONObject | null {
    const { model, output } = this;
    if (!model || !output || !this.place?.writable || model.state.kind !== 'live' || model.state.text !== null) {
      return null;
    }
    const record = makeRecord(model.show, model.store, model.state.view) as unknown as PartialJSONObject;
    return JSONExt.deepEqual(record, output.data[this.mimeType] ?? null) ? null : record;
  }

  /** The same view as HTML and plain text; nothing where the kernel does not say. */
  private async texts(model: ViewModel): Promise<PartialJSONObject> {
    const asked = this.place?.connection().request({ op: 'texts', show: model.show });
    return ((await asked?.catch(() => ({}))) ?? {}) as PartialJSONObject;
  }

  private output: IRenderMime.IMimeModel | null = null;
  private model: ViewModel | null = null;
  private view: EndoView | null = null;
  private written: PartialJSONObject | null = null;
  private textsDue = false;
  private readonly stop: Stop | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
}

function rendererFactory(place: Place | null): IRenderMime.IRendererFactory {
  return {
    // What a record says is drawn as text, whoever wrote it.
    safe: true,
    mimeTypes: [TASK_MIME, CARDS_MIME],
    createRenderer: options => new RecordRenderer(options.mimeType, place)
  };
}

/** Draw records where there is no notebook: in a console, a preview, a file. */
export function addRenderer(registry: {
  addFactory(factory: IRenderMime.IRendererFactory, rank?: number): void;
}): void {
  registry.addFactory(rendererFactory(null), RANK);
}

/** Draw records in a notebook, live while its kernel answers. */
export function addNotebookRenderer(panel: NotebookPanel): void {
  let connection: Connection | null = null;
  const saving = new Signal<void>();
  const place: Place = {
    connection: () => (connection ??= new Connection(new CommChannel(panel.sessionContext))),
    path: () => panel.context.path,
    get writable() {
      return !panel.context.model.readOnly && panel.context.contentsModel?.writable !== false;
    },
    saving
  };
  panel.context.saveState.connect((_context, state) => state === 'started' && saving.emit());
  panel.content.rendermime.addFactory(rendererFactory(place), RANK);
  panel.sessionContext.kernelChanged.connect(() => greet(panel, place));
  greet(panel, place);
  panel.disposed.connect(() => connection?.dispose());
}

/** Connect at once where the kernel says that it has Endo; elsewhere the first record that is drawn does. */
function greet(panel: NotebookPanel, place: Place): void {
  const info = panel.sessionContext.session?.kernel?.info;
  info
    ?.then(({ supported_features }: { supported_features?: string[] }) => {
      if (supported_features?.includes('endo') && !panel.isDisposed) {
        place.connection();
      }
    })
    .catch(() => undefined);
}
