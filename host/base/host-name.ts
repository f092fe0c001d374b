import { hostname } from 'node:os';

/** Returns the name of this host in records and answers: the machine and the id of the process, as `machine:process`. */
export function hostName(): string {
  return `${hostname()}:${process.pid}`;
}
