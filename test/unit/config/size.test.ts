import { parseSize } from '../../../host/config/size';

describe('a size', () => {
  test.each([
    ['512 KiB', 524_288],
    ['10 GiB', 10_737_418_240],
    ['1MB', 1_000_000],
    ['1 mb', 1_000_000],
    ['1.5 GiB', 1_610_612_736],
    ['100 B', 100],
    ['2048', 2_048],
    [2_048, 2_048],
    [0, 0],
    ['2 TB', 2e12],
    ['2TiB', 2_199_023_255_552],
  ])('%j is %d bytes', (written, bytes) => {
    expect(parseSize(written)).toBe(bytes);
  });

  test.each([
    ['512 K'],
    ['10 Gi'],
    ['lots'],
    [''],
    ['-1'],
    [-1],
    [0.5],
    ['0.5'],
    ['0.5 B'],
    ['1e3'],
    [NaN],
    [Infinity],
    ['9999999 TiB'],
    [null],
    [true],
    [['1']],
  ])('%j is not accepted', (written) => {
    expect(parseSize(written)).toBeUndefined();
  });
});
