/** Whether there is a process of this id; with a negative id, whether there is any process of that process group. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
