import { useId, useMemo, useState } from 'preact/hooks';
import { jsonTokens } from '../lib/json-tokens';
import { fieldsOf } from '../lib/schema';

/** A longer text is cut until somebody asks for all of it: colours for a megabyte would stop the browser. */
const MAX_CHARACTERS = 20_000;

/** A value as formatted JSON with colours. */
export function Json({ value, label }: { readonly value: unknown; readonly label: string }) {
  const [isWhole, setWhole] = useState(false);
  const text = useMemo(() => JSON.stringify(value ?? null, null, 2), [value]);
  const isCut = !isWhole && text.length > MAX_CHARACTERS;
  const shown = isCut ? text.slice(0, MAX_CHARACTERS) : text;
  const tokens = useMemo(() => jsonTokens(shown), [shown]);
  return (
    <>
      <pre class="code" tabIndex={0} role="region" aria-label={label}>
        {tokens.map(({ kind, text: part }, index) =>
          kind === 'plain' ? (
            part
          ) : (
            <span class={`j-${kind}`} key={index}>
              {part}
            </span>
          ),
        )}
        {isCut && ' …'}
      </pre>
      {isCut && (
        <button type="button" class="button" onClick={() => setWhole(true)}>
          Show all {Math.round(text.length / 1000)} kB
        </button>
      )}
    </>
  );
}

/** The fields of a JSON Schema as a table, and the schema itself on demand. */
export function SchemaTable({ schema }: { readonly schema: object }) {
  const fields = useMemo(() => fieldsOf(schema), [schema]);
  return (
    <>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Fields of the payload">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Type</th>
              <th scope="col">Meaning</th>
            </tr>
          </thead>
          <tbody>
            {fields.map(({ path, type, isRequired, note }) => (
              <tr key={path}>
                <th scope="row">
                  <code>{path}</code>
                  {!isRequired && <span class="quiet"> optional</span>}
                </th>
                <td>{type}</td>
                <td class="quiet">{note}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <details class="details">
        <summary>JSON Schema</summary>
        <Json value={schema} label="JSON Schema" />
      </details>
    </>
  );
}

interface EditorProps {
  readonly label: string;
  readonly text: string;
  readonly onInput: (text: string) => void;
  readonly faults?: readonly { readonly path: string; readonly message: string }[];
  readonly rows?: number;
}

/** A field for JSON. It says at once where the text is no JSON, and shows the faults of the payload beside it. */
export function JsonEditor({ label, text, onInput, faults = [], rows = 10 }: EditorProps) {
  const id = useId();
  const { error } = parseJson(text);
  const notes =
    error === undefined ? faults.map(({ path, message }) => (path ? `${path}: ${message}` : message)) : [error];
  const isFaulty = notes.length > 0;
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      <textarea
        id={id}
        class="input code-input"
        rows={rows}
        spellcheck={false}
        value={text}
        aria-invalid={isFaulty}
        aria-describedby={`${id}-note`}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <span id={`${id}-note`} class={isFaulty ? 'field-note bad' : 'field-note'} aria-live="polite">
        {notes.join('\n')}
      </span>
    </div>
  );
}

export function parseJson(text: string): { readonly value?: unknown; readonly error?: string } {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    return { error: `This is not JSON: ${(error as Error).message}` };
  }
}
