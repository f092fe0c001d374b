import { z } from 'zod';

/** A text format, as a contract writes it, and the test whether a text has it. */
interface Format {
  readonly schema: string;
  fits(text: string): boolean;
}

/** zod takes any scheme, also `order:17`, so a URL must have `//` here. */
const URL_START = /^[a-z][a-z0-9+.-]*:\/\//i;

/** The formats that are recognised, the narrowest first. */
const FORMATS: readonly Format[] = [
  format('z.uuid()', z.uuid()),
  format('z.iso.datetime()', z.iso.datetime()),
  format('z.iso.datetime({ offset: true })', z.iso.datetime({ offset: true })),
  format('z.iso.date()', z.iso.date()),
  format('z.email()', z.email()),
  { schema: 'z.url()', fits: (text) => URL_START.test(text) && z.url().safeParse(text).success },
];

function format(schema: string, validator: z.ZodType<string>): Format {
  return { schema, fits: (text) => validator.safeParse(text).success };
}

/** The number of different texts up to which a field may be an enum. */
const MAX_ENUM = 12;

/** The texts that one place of the samples has had. */
export class TextShape {
  count = 0;
  private formats = FORMATS;
  /** How often each text came; undefined if there are too many for an enum. */
  private texts: Map<string, number> | undefined = new Map();

  add(text: string, times = 1): void {
    this.count += times;
    if (this.formats.length > 0) this.formats = this.formats.filter((one) => one.fits(text));
    if (!this.texts) return;
    this.texts.set(text, (this.texts.get(text) ?? 0) + times);
    if (this.texts.size > MAX_ENUM) this.texts = undefined;
  }

  merge(other: TextShape): void {
    this.formats = this.formats.filter((one) => other.formats.includes(one));
    if (other.texts && this.texts) {
      for (const [text, times] of other.texts) this.add(text, times);
      return;
    }
    this.texts = undefined;
    this.count += other.count;
  }

  /** The format that all texts have, as a contract writes it. */
  get format(): string | undefined {
    return this.count === 0 ? undefined : this.formats[0]?.schema;
  }

  /** The different texts with their counts; undefined if there are many. */
  get few(): ReadonlyMap<string, number> | undefined {
    return this.texts;
  }
}

/** The values that one place of the samples has had: a field, or the items of a list. */
export class ValueShape {
  count = 0;
  nulls = 0;
  booleans = 0;
  /** Integers that are exact in JavaScript; all other numbers are `otherNumbers`. */
  integers = 0;
  otherNumbers = 0;
  lists = 0;
  objects = 0;
  readonly texts = new TextShape();
  readonly fields = new Map<string, ValueShape>();
  /** The items of all lists. */
  private ofItems: ValueShape | undefined;

  get items(): ValueShape {
    return (this.ofItems ??= new ValueShape());
  }

  /** Adds a JSON value. */
  add(value: unknown): void {
    this.count++;
    if (value === null) this.nulls++;
    else if (typeof value === 'boolean') this.booleans++;
    else if (typeof value === 'string') this.texts.add(value);
    else if (typeof value === 'number') this.addNumber(value);
    else if (Array.isArray(value)) this.addList(value);
    else this.addObject(value as object);
  }

  merge(other: ValueShape): void {
    for (const name of ['count', 'nulls', 'booleans', 'integers', 'otherNumbers', 'lists', 'objects'] as const) {
      this[name] += other[name];
    }
    this.texts.merge(other.texts);
    if (other.ofItems) this.items.merge(other.ofItems);
    for (const [name, shape] of other.fields) this.field(name).merge(shape);
  }

  private addNumber(value: number): void {
    if (Number.isSafeInteger(value)) this.integers++;
    else this.otherNumbers++;
  }

  private addList(list: readonly unknown[]): void {
    this.lists++;
    for (const item of list) this.items.add(item);
  }

  private addObject(object: object): void {
    this.objects++;
    for (const [name, value] of Object.entries(object)) this.field(name).add(value);
  }

  private field(name: string): ValueShape {
    let shape = this.fields.get(name);
    if (!shape) this.fields.set(name, (shape = new ValueShape()));
    return shape;
  }
}
