/**
 * Builds what the JupyterLab builder does not: the widget as one module, and the tests.
 *
 *   node bundle.mjs widget    ../endo_kernel/widgets/static/thread.js and thread.css
 *   node bundle.mjs test      lib/.tests/
 *   node bundle.mjs clean     removes what was compiled
 */

import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));

const WIDGET = '../endo_kernel/widgets/static';
const TESTS = 'lib/.tests';

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
    rmSync(TESTS, { recursive: true, force: true });
    const files = readdirSync('tests').filter(name => name.endsWith('.test.ts'));
    await esbuild.build({
      entryPoints: files.map(name => `tests/${name}`),
      bundle: true,
      platform: 'node',
      format: 'esm',
      // Bundled in the order of import, so that a test can make the page before a library looks for it.
      external: ['jsdom', 'node:*'],
      outdir: TESTS,
      outExtension: { '.js': '.mjs' },
      sourcemap: 'inline',
      logLevel: 'warning'
    });
  },

  clean() {
    for (const path of ['lib', 'tsconfig.tsbuildinfo']) {
      rmSync(path, { recursive: true, force: true });
    }
  }
};

await tasks[process.argv[2]]();
