import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['.yarn', 'lib', 'node_modules'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.test.json', tsconfigRootDir: import.meta.dirname } },
    rules: {
      complexity: ['error', 12],
      eqeqeq: 'error',
      'max-lines': ['error', 400],
      'no-restricted-properties': [
        'error',
        { property: 'innerHTML', message: 'Text goes in as text.' },
        { property: 'outerHTML', message: 'Text goes in as text.' },
        { property: 'insertAdjacentHTML', message: 'Text goes in as text.' }
      ],
      // `!` stands where a key was just taken from the same object.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Numbers in sentences are meant to be written as they are.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Lumino's signals take a method and its `this` apart.
      '@typescript-eslint/unbound-method': 'off',
      // What comes over the wire may lack what its type promises.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidOperator: true }
      ]
    }
  },
  {
    files: ['tests/**/*.ts'],
    rules: {
      // What `test` gives is the runner's to wait for.
      '@typescript-eslint/no-floating-promises': 'off',
      'no-restricted-properties': 'off'
    }
  },
  { files: ['*.mjs'], languageOptions: { globals: { process: 'readonly', URL: 'readonly' } } }
);
