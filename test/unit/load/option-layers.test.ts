import { choose, type LayeredOption } from '../../../host/load/option-layers';

interface Sizes {
  size?: number | null;
}
const option: LayeredOption<number, Sizes, { size?: number }> = {
  builtIn: 8,
  inDecorator: ({ size }) => size,
  inConfig: ({ size }) => size,
};

test.each<
  [
    section: number | undefined,
    decorator: number | null | undefined,
    defaults: number | undefined,
    value: number,
    layer: string,
  ]
>([
  [1, 2, 3, 1, 'section'],
  [0, 2, 3, 0, 'section'],
  [undefined, 2, 3, 2, 'decorator'],
  [undefined, null, 3, 3, 'defaults'],
  [undefined, undefined, 3, 3, 'defaults'],
  [undefined, undefined, undefined, 8, 'built-in'],
])(
  'of section %p, decorator %p and defaults %p the option is %p, from %s',
  (section, decorator, defaults, value, layer) => {
    const of = (size: number | undefined) => (size === undefined ? {} : { size });
    const options = decorator === undefined ? {} : { size: decorator };
    expect(choose(option, options, { section: of(section), defaults: of(defaults) })).toEqual({ value, layer });
  },
);
