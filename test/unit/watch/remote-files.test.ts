import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { remoteFileSystem, remoteFileSystemOf } from '../../../host/watch/remote-files';

test.each([
  ['NFS', 0x6969],
  ['SMB', 0xff534d42],
  ['SMB', 0xff534d42 | 0],
  ['9p', 0x01021997],
  ['FUSE or virtiofs', 0x65735546],
])('%s is a file system that may not report changes', (name, type) => {
  expect(remoteFileSystem(type, 'linux')).toBe(name);
});

test('local file systems report their changes: ext4, tmpfs, overlay', () => {
  expect([0xef53, 0x01021994, 0x794c7630].map((type) => remoteFileSystem(type, 'linux'))).toEqual(
    Array(3).fill(undefined),
  );
});

test('on other systems than Linux the numbers have no known meaning', () => {
  expect(remoteFileSystem(0x6969, 'darwin')).toBeUndefined();
});

test('a folder that is missing has no file system yet', () => {
  expect(remoteFileSystemOf(join(tmpdir(), 'jetplug-is-not-there'))).toBeUndefined();
});
