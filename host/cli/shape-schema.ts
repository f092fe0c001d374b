import { ValueShape, type TextShape } from './event-shape';
import { figure } from './figure';
import { literal, nameOf } from './source-text';

/** How a field differs among the samples. */
export interface FieldNote {
  /** The field's path, such as `lines[].amount`. */
  readonly field: string;
  readonly note: string;
}

/** Returns the zod schema of the shape's objects as source text. Every object that was added fits it. */
export function schemaOf(shape: ValueShape, indent: string): string {
  if (shape.fields.size === 0) return 'z.object({})';
  const inner = `${indent}  `;
  const lines = [...shape.fields].flatMap(([name, field]) => {
    const note = noteOf(name, field, shape.objects);
    const isOptional = field.count < shape.objects;
    // zod finds an inherited member where an object does not have such a field.
    const isInherited = isOptional && name in Object.prototype;
    const text = isInherited ? 'z.unknown()' : valueText(name, field, inner);
    return [
      ...(note === '' ? [] : [`${inner}// ${note}`]),
      `${inner}${nameOf(name)}: ${text}${isOptional ? '.optional()' : ''},`,
    ];
  });
  return ['z.object({', ...lines, `${indent}})`].join('\n');
}

/** Lists the fields that differ among the samples, those of nested objects after their parent. */
export function notesOf(shape: ValueShape, path = ''): FieldNote[] {
  const inItems = shape.lists > 0 ? notesOf(shape.items, `${path}[]`) : [];
  if (path !== '' && isMap(shape)) return inItems;
  const inFields = [...shape.fields].flatMap(([name, field]) => {
    const at = path === '' ? name : `${path}.${name}`;
    const note = noteOf(name, field, shape.objects);
    return [...(note === '' ? [] : [{ field: at, note }]), ...notesOf(field, at)];
  });
  return [...inItems, ...inFields];
}

/**
 * @param name the field's name; undefined for the items of a list and the values of a map
 */
function valueText(name: string | undefined, shape: ValueShape, indent: string): string {
  const kinds = [
    ...(shape.booleans > 0 ? ['z.boolean()'] : []),
    ...(shape.otherNumbers > 0 ? ['z.number()'] : shape.integers > 0 ? ['z.int()'] : []),
    ...(shape.texts.count > 0 ? [textText(name, shape.texts)] : []),
    ...(shape.lists > 0 ? [`z.array(${valueText(undefined, shape.items, indent)})`] : []),
    ...(shape.objects > 0 ? [isMap(shape) ? mapText(shape, indent) : schemaOf(shape, indent)] : []),
  ];
  // A field that was always null has some other type at other times.
  if (kinds.length === 0) return 'z.unknown()';
  const text = kinds.length === 1 ? kinds[0]! : `z.union([${kinds.join(', ')}])`;
  return shape.nulls > 0 ? `${text}.nullable()` : text;
}

function textText(name: string | undefined, texts: TextShape): string {
  const values = enumValues(name, texts);
  return values ? `z.enum([${values.map(literal).join(', ')}])` : (texts.format ?? 'z.string()');
}

function mapText(shape: ValueShape, indent: string): string {
  return `z.record(z.string(), ${valueText(undefined, mergedFields(shape), indent)})`;
}

const MIN_MAP_KEYS = 40;

/** Whether the objects are maps: together they have many names, and each object has only some of them. */
function isMap({ fields, objects }: ValueShape): boolean {
  if (fields.size < MIN_MAP_KEYS || [...fields.keys()].some((name) => name in Object.prototype)) return false;
  const values = [...fields.values()].reduce((sum, { count }) => sum + count, 0);
  return values < (fields.size * objects) / 2;
}

function mergedFields({ fields }: ValueShape): ValueShape {
  const merged = new ValueShape();
  for (const shape of fields.values()) merged.merge(shape);
  return merged;
}

const MIN_ENUM_TEXTS = 30;
const MIN_TIMES_EACH = 3;
const ENUM_TEXT = /^[\p{L}\p{N}][\p{L}\p{N} _.:/+-]{0,39}$/u;
/** Names of fields that identify something, in both usual ways of writing. */
const ID_NAMES = [/(^|[_-])(id|key|token|secret|password|name)s?$/i, /(Id|Key|Token|Secret|Password|Name)s?$/];

/**
 * The texts of an enum, sorted; undefined for other texts. An enum has at least two different texts, each of which came
 * several times. A field that identifies something is no enum, because it will have further texts.
 */
function enumValues(name: string | undefined, { count, few, format }: TextShape): string[] | undefined {
  if (!few || few.size < 2 || format !== undefined || count < MIN_ENUM_TEXTS) return undefined;
  if (name === undefined || ID_NAMES.some((pattern) => pattern.test(name))) return undefined;
  const isWord = ([text, times]: [string, number]): boolean => times >= MIN_TIMES_EACH && ENUM_TEXT.test(text);
  return [...few].every(isWord) ? [...few.keys()].sort() : undefined;
}

/** How a field differs among the objects that may have it; empty if it is always the same. */
function noteOf(name: string, field: ValueShape, objects: number): string {
  const values = field.texts.count > 0 ? enumValues(name, field.texts) : undefined;
  const items = field.lists > 0 ? typesOf(field.items) : '';
  return [
    ...(field.count < objects ? [`in ${figure(field.count)} of ${figure(objects)}`] : []),
    typesOf(field),
    ...(items === '' ? [] : [`its items: ${items}`]),
    ...(values ? [`an enum of the texts in ${figure(field.texts.count)} values`] : []),
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** The types of the values with their numbers; empty if there is only one type. */
function typesOf(shape: ValueShape): string {
  const types = [
    ['null', shape.nulls],
    ['boolean', shape.booleans],
    ['number', shape.integers + shape.otherNumbers],
    ['string', shape.texts.count],
    ['array', shape.lists],
    ['object', shape.objects],
  ] as const;
  const found = types.filter(([, count]) => count > 0);
  const isOnlyNull = found.length === 1 && shape.nulls > 0;
  return found.length > 1 || isOnlyNull ? found.map(([type, count]) => `${type} ${figure(count)}`).join(', ') : '';
}
