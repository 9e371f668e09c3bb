/**
 * Builds what the JupyterLab builder does not: the widget as one module, and the tests.
 *
 *   node bundle.mjs widget    ../endo_kernel/widgets/static/thread.js and thread.css
 *   node bundle.mjs test      .test/
 *   node bundle.mjs clean     removes what was compiled
 */

import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));

const WIDGET = '../endo_kernel/widgets/static';

const tasks = {
  async widget() {
    const common = { bundle: true, minify: true, logLevel: 'warning', legalComments: 'eof' };
    await esbuild.build({
      ...common,
      entryPoints: ['src/widget.ts'],
      format: 'esm',
      target: 'es2021',
      charset: 'utf8',
      outfile: `${WIDGET}/thread.js`
    });
    await esbuild.build({ ...common, entryPoints: ['style/index.css'], outfile: `${WIDGET}/thread.css` });
  },

  async test() {
    rmSync('.test', { recursive: true, force: true });
    const files = readdirSync('tests').filter(name => name.endsWith('.test.ts'));
    await esbuild.build({
      entryPoints: files.map(name => `tests/${name}`),
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      outdir: '.test',
      outExtension: { '.js': '.mjs' },
      sourcemap: 'inline',
      logLevel: 'warning'
    });
  },

  clean() {
    for (const path of ['lib', 'tsconfig.tsbuildinfo', '.test']) {
      rmSync(path, { recursive: true, force: true });
    }
  }
};

await tasks[process.argv[2]]();
