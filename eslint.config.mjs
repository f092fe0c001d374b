import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const STARTS = [
  ...['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'after', 'every'],
  ...['on', 'once', 'addListener', 'prependListener', 'addEventListener', 'pipe', 'watch', 'watchFile', 'subscribe'],
  ...['fork', 'spawn', 'exec', 'execFile', 'connect', 'createConnection', 'fetch', 'listen', 'start'],
];
const NAMED = `/^(${STARTS.join('|')})$/`;
const IN_CONSTRUCTION = [
  'MethodDefinition[kind="constructor"] CallExpression',
  'PropertyDefinition[static=false] > CallExpression.value',
  'PropertyDefinition[static=false] > CallExpression.value > MemberExpression > CallExpression.object',
];
/** The object that a constructor makes does nothing yet, so that its owner decides when it starts and ends it. */
const START_IN_CONSTRUCTOR = {
  selector: IN_CONSTRUCTION.flatMap((call) => [
    `${call}[callee.name=${NAMED}]`,
    `${call}[callee.property.name=${NAMED}]`,
  ]).join(', '),
  message: 'A constructor starts no timer, listener, process or connection. Start it in a method or in a factory.',
};

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', '.jetplug/', 'test/fixtures/']),
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      // It leaves alone a file with decorators, whose parameters' types are needed at run time.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],

      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { ignoreRestSiblings: true, argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],

      // `return print(…)` is a short way out.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // With noUncheckedIndexedAccess, an index or a match that must succeed needs `!`.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // `async` also turns a throw into a rejection, and makes a promise where an interface wants one.
      '@typescript-eslint/require-await': 'off',
      // An interface's methods are often those of a plain object, which need no `this`.
      '@typescript-eslint/unbound-method': 'off',
      // Classes stand for their interface here: they are what dependency injection asks for.
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // `read<Stored>(key)`: the caller says what it knows of JSON.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // A constructor may be there for its signature.
      '@typescript-eslint/no-useless-constructor': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-empty-function': 'off',
      // jest's matchers, such as expect.any(Number), are any.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
    },
  },
  {
    files: ['host/**', 'sdk/**'],
    rules: { 'no-restricted-syntax': ['error', START_IN_CONSTRUCTOR] },
  },
  {
    // Convict's types leave out the null of a key that has no value.
    files: ['host/config/**'],
    rules: { '@typescript-eslint/no-unnecessary-condition': 'off' },
  },
  {
    files: ['**/*.js', '**/*.cjs', '**/*.mjs'],
    languageOptions: {
      globals: Object.fromEntries(
        ['Buffer', 'URL', 'console', 'fetch', 'performance', 'process', 'setTimeout'].map((name) => [name, 'readonly']),
      ),
    },
  },
  {
    files: ['**/*.js', '**/*.cjs'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { require: 'readonly', module: 'writable', __dirname: 'readonly' },
    },
  },
  prettier,
);
