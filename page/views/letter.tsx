import { useState } from 'preact/hooks';
import type { LetterView as Letter } from '../../host/page/api';
import { useApi } from '../api';
import { ChangeButton } from '../components/change-button';
import { Failure, Skeleton } from '../components/feedback';
import { Jobs } from '../components/jobs';
import { Json, JsonEditor, parseJson, SchemaTable } from '../components/json';
import { LetterChangeDialog } from '../components/letter-change';
import { Card, EventLink, Facts, HandlerLink, ViewHead } from '../components/parts';
import { useCheck } from '../components/publish';
import { Pill } from '../components/state';
import { Time } from '../components/time';
import { go, href } from '../route';

/** One letter: why it failed, its payload beside its contract, and the ways out. */
export function LetterView({ id }: { readonly id: string }) {
  const { data, error, isLoading, reload } = useApi<Letter>(`/api/dead/${encodeURIComponent(id)}`);
  const [change, setChange] = useState<'redrive' | 'drop'>();
  const [edited, setEdited] = useState<string>();
  const close = (isDone: boolean): void => {
    setChange(undefined);
    if (isDone) go(href(['dead'], { as: 'list' }));
  };
  const startEditing = (letter: Letter): void => setEdited(letter.text ?? JSON.stringify(letter.payload, null, 2));
  return (
    <>
      <ViewHead
        title={`Letter ${id}`}
        back={{ href: href(['dead'], { group: data?.fingerprint }), text: 'Letters of this group' }}
        note={data && <HandlerLink {...data} />}
      >
        {data && (
          <>
            <ChangeButton
              icon="redrive"
              kind="primary"
              onClick={() => setChange('redrive')}
              disabled={edited !== undefined}
            >
              Redrive …
            </ChangeButton>
            <ChangeButton icon="edit" onClick={() => startEditing(data)} disabled={edited !== undefined}>
              Edit and redrive …
            </ChangeButton>
            <ChangeButton icon="drop" onClick={() => setChange('drop')}>
              Drop …
            </ChangeButton>
          </>
        )}
      </ViewHead>
      <Jobs />
      {error && <Failure error={error} retry={reload} />}
      {isLoading && !data && <Skeleton lines={8} />}
      {data && (
        <>
          <Why letter={data} />
          <div class="columns">
            {edited === undefined ? (
              <Payload letter={data} />
            ) : (
              <Editor letter={data} text={edited} onText={setEdited} onSend={() => setChange('redrive')} />
            )}
            <Card title="Contract">
              {data.schema ? (
                <SchemaTable schema={data.schema} />
              ) : (
                <p class="quiet">No contract of this event is known.</p>
              )}
            </Card>
          </div>
          <Card title="Headers" isFlush>
            <div class="scroll-x" tabIndex={0} role="region" aria-label="Headers">
              <table class="table">
                <tbody>
                  {Object.entries(data.headers).map(([name, value]) => (
                    <tr key={name}>
                      <th scope="row" class="mono">
                        {name}
                      </th>
                      <td class="mono wrap">{value}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          </Card>
          {change && (
            <LetterChangeDialog
              kind={change}
              change={{
                ids: [data.id],
                ...(change === 'redrive' && edited !== undefined && { payload: parseJson(edited).value }),
              }}
              about={
                change === 'redrive' && edited !== undefined ? `letter ${id} with the new payload` : `letter ${id}`
              }
              onClose={close}
            />
          )}
        </>
      )}
    </>
  );
}

function Why({ letter }: { readonly letter: Letter }) {
  const { error, reason, stack, attempts, subject, stream, sequence, time } = letter;
  return (
    <Card title="Why it failed" aside={<Pill tone="bad">{reason}</Pill>}>
      <p class="error-text">{error}</p>
      {stack && (
        <details class="details" open>
          <summary>Stack</summary>
          <pre class="code" tabIndex={0} role="region" aria-label="Stack">
            {stack}
          </pre>
        </details>
      )}
      <Facts
        facts={[
          ['Failed', <Time at={time} />],
          ['Attempts', attempts],
          ['Event', <EventLink subject={subject} />],
          ['Stored as', <a href={href(['trace'], { event: `${stream}:${sequence}` })}>{`${stream}:${sequence}`}</a>],
        ]}
      />
    </Card>
  );
}

function Payload({ letter: { payload, text } }: { readonly letter: Letter }) {
  return (
    <Card title="Payload" aside={text === undefined ? undefined : <Pill tone="warn">no JSON</Pill>}>
      {text === undefined ? (
        <Json value={payload} label="Payload" />
      ) : (
        <pre class="code" tabIndex={0} role="region" aria-label="Payload">
          {text}
        </pre>
      )}
    </Card>
  );
}

interface EditorProps {
  readonly letter: Letter;
  readonly text: string;
  readonly onText: (text: string | undefined) => void;
  readonly onSend: () => void;
}

/** Edits the payload. The contract is checked as it is typed. */
function Editor({ letter, text, onText, onSend }: EditorProps) {
  const { check, error } = useCheck(letter.subject, text);
  const isJson = parseJson(text).error === undefined;
  return (
    <Card title="Edit the payload">
      <JsonEditor label="Payload" text={text} onInput={onText} faults={check?.faults ?? []} rows={14} />
      <p class="quiet">
        Only {letter.plugin}.{letter.handler} gets the edited event. The stored event stays as it is.
      </p>
      {error && <Failure error={error} />}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={() => onText(undefined)}>
          Cancel
        </button>
        <ChangeButton
          kind="primary"
          icon="redrive"
          disabled={!isJson || (check?.faults.length ?? 0) > 0}
          onClick={onSend}
        >
          Redrive the edited event …
        </ChangeButton>
      </div>
    </Card>
  );
}
