import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { showThrown } from '../base/thrown';
import { cut } from '../base/utf8';

/** A JSON Schema of draft 7, the dialect that AsyncAPI extends. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The JSON Schema of an event's fields as they are published, before the contract's defaults and transforms. */
export interface FieldsSchema {
  readonly schema: JsonSchema;
  /** The parts of the contract that the JSON Schema leaves out, such as `#/properties/at: Date cannot …`. */
  readonly notes: readonly string[];
}

/** A schema that accepts every object, for fields that no JSON Schema describes. */
const OPEN: JsonSchema = { type: 'object' };

/** The keywords of draft 7 whose value is a number. */
const NUMERIC = new Set(['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']);

const MAX_DEPTH = 100;
const MAX_NOTES = 50;
const MAX_NOTE = 500;

/**
 * Converts a contract's schema, if its validator implements the Standard JSON Schema interface, as zod 4.2 and newer
 * do. Other schemas, and those that cannot be converted, become an open object with a note. Never throws.
 */
export function fieldsSchemaOf(schema: StandardSchemaV1): FieldsSchema {
  const notes = new Notes();
  try {
    const { jsonSchema, vendor } = schema['~standard'] as StandardSchemaV1.Props & Partial<StandardJSONSchemaV1.Props>;
    if (!jsonSchema) return openSchema(`the validator ${showText(vendor)} offers no JSON Schema`);
    const libraryOptions = vendor === 'zod' ? zodOptions(notes) : undefined;
    const written: unknown = jsonSchema.input({ target: 'draft-07', ...(libraryOptions && { libraryOptions }) });
    const copied = plainJson(written, notes, '#', 0);
    if (typeof copied !== 'object' || copied === null || Array.isArray(copied))
      return openSchema('the validator returned no JSON Schema object');
    return { schema: copied as JsonSchema, notes: notes.all };
  } catch (thrown) {
    return openSchema(`the validator cannot express it: ${showThrown(thrown)}`);
  }
}

/** An open object in place of a schema, with the reason. */
export function openSchema(reason: string): FieldsSchema {
  return { schema: OPEN, notes: [cut(`#: ${reason}`, MAX_NOTE)] };
}

/** Notes without repeats, of bounded number and length. */
class Notes {
  private readonly texts = new Set<string>();

  get all(): string[] {
    return [...this.texts];
  }

  add(pointer: string, text: string): void {
    if (this.texts.size < MAX_NOTES) this.texts.add(cut(`${pointer}: ${text}`, MAX_NOTE));
  }
}

/** The part of zod's internals that tells a custom check from the checks that JSON Schema has. */
interface ZodSchema {
  readonly _zod?: { readonly def?: { readonly checks?: readonly { readonly _zod?: { def?: { check?: string } } }[] } };
}

/** Options by which zod writes `{}` for a type that JSON Schema lacks, and reports it. */
function zodOptions(notes: Notes): Record<string, unknown> {
  return {
    unrepresentable: ({ path, message }: { path?: readonly unknown[]; message: string }) => {
      notes.add(pointerOf(path), message);
      return 'any';
    },
    override: ({ zodSchema, path }: { zodSchema: ZodSchema; path?: readonly unknown[] }) => {
      const checks = zodSchema._zod?.def?.checks ?? [];
      if (checks.some((check) => check._zod?.def?.check === 'custom'))
        notes.add(pointerOf(path), 'a custom check cannot be represented in JSON Schema');
    },
  };
}

function pointerOf(path: readonly unknown[] = []): string {
  return ['#', ...path.map((part) => String(part).replaceAll('~', '~0').replaceAll('/', '~1'))].join('/');
}

/**
 * Copies a value of a validator as plain JSON. Leaves out what JSON cannot hold exactly, with a note.
 * @throws Error if the value is nested too deeply, which a circular one is too
 */
function plainJson(value: unknown, notes: Notes, pointer: string, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new Error(`it is nested deeper than ${MAX_DEPTH} levels`);
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (value === undefined) return undefined;
  if (typeof value !== 'object') {
    notes.add(pointer, `${showText(value)} is not JSON`);
    return undefined;
  }
  if (Array.isArray(value)) {
    return value
      .map((item, index) => plainJson(item, notes, `${pointer}/${index}`, depth + 1))
      .filter((item) => item !== undefined);
  }
  const members = Object.entries(value).map(([key, member]: [string, unknown]) => {
    const at = `${pointer}${pointerOf([key]).slice(1)}`;
    // zod writes null for a limit that JSON cannot hold, such as `.max(Infinity)`.
    if (member === null && NUMERIC.has(key)) return [key, notes.add(at, 'the limit is no JSON number')] as const;
    return [key, plainJson(member, notes, at, depth + 1)] as const;
  });
  return Object.fromEntries(members.filter(([, member]) => member !== undefined));
}

function showText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : showThrown(value);
}
