/** The JupyterLab and Notebook extension: registers the renderer of records, and nothing else. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';

import { addNotebookRenderer, addRenderer } from './renderer';

const records: JupyterFrontEndPlugin<void> = {
  id: 'endo-kernel-lab:records',
  description: 'Draws Endo tasks and cards in notebooks, live while the kernel runs.',
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [INotebookTracker],
  activate: (_app: JupyterFrontEnd, registry: IRenderMimeRegistry, tracker: INotebookTracker | null): void => {
    addRenderer(registry);
    tracker?.forEach(addNotebookRenderer);
    tracker?.widgetAdded.connect((_tracker, panel) => addNotebookRenderer(panel));
  }
};

export default records;
