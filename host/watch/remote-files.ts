import { statfsSync } from 'node:fs';

/**
 * The file systems, by the `type` that statfs gives on Linux, whose files another machine or the other side of a virtual
 * machine may change. The kernel does not report such changes to a watcher.
 */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB'],
  [0xff534d42, 'SMB'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE or virtiofs'],
  [0x786f4256, 'VirtualBox'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x5346414f, 'AFS'],
]);

/** Returns the name of a folder's file system if a watcher may miss changes on it; undefined elsewhere. */
export function remoteFileSystemOf(dir: string): string | undefined {
  try {
    return remoteFileSystem(statfsSync(dir).type);
  } catch {
    return undefined; // There is no folder now. It is looked at again when it is there.
  }
}

/** @param type as statfs gives it; the numbers of other systems than Linux have other meanings */
export function remoteFileSystem(type: number, platform = process.platform): string | undefined {
  // On a 32-bit system the number may be negative.
  return platform === 'linux' ? REMOTE.get(type >>> 0) : undefined;
}
