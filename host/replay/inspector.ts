import inspector from 'node:inspector';
import { JetplugError, type PluginClass } from '../../sdk/internal';
import type { InspectorAddress } from './replay-protocol';

/** The name of the global variable in which the inspector finds the handler's function. */
const HANDLER = 'jetplugDebuggedHandler';

/**
 * Listens for a debugger, and blocks this thread until one has attached.
 * @param listening called with the address that it listens on
 * @throws JetplugError `JP_INSPECTOR_LISTEN`
 */
export function waitForDebugger({ host, port }: InspectorAddress, listening: (at: InspectorAddress) => void): void {
  inspector.open(port, host);
  const url = inspector.url();
  if (url === undefined) {
    throw new JetplugError('JP_INSPECTOR_LISTEN', `the debugger cannot listen on ${host}:${port}`);
  }
  // Nothing may run between the opening and the wait, because a debugger may attach at once.
  listening({ host, port: Number(new URL(url).port) });
  inspector.waitForDebugger();
}

/** Makes the debugger stop at the first line of a method, by a breakpoint on the function itself. */
export function breakAt(cls: PluginClass, method: string): void {
  const session = new inspector.Session();
  session.connect();
  session.post('Debugger.enable');
  Object.assign(globalThis, { [HANDLER]: (cls.prototype as Record<string, unknown>)[method] });
  session.post('Runtime.evaluate', { expression: `globalThis.${HANDLER}` }, (_, { result }) => {
    session.post('Debugger.setBreakpointOnFunctionCall', { objectId: result.objectId });
  });
  Reflect.deleteProperty(globalThis, HANDLER);
}
