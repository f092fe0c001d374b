import { isJetplugError, JetplugError } from '../../sdk/internal';
import { plainError } from '../base/plain-error';
import { readMember } from '../base/thrown';
import { isMiddleware, type DeclaredMiddleware } from './middleware';
import { placeIn } from './source-place';

/** The loader of a plugin's modules. */
interface ModuleLoader {
  readonly sources: ReadonlyMap<string, string>;
  load(file: string): unknown;
}

/**
 * Loads the modules of `plugins.use`, among a plugin's own modules.
 * @throws JetplugError `JP_MIDDLEWARE_NOT_LOADED`
 */
export function loadMiddleware(files: readonly string[], loader: ModuleLoader): DeclaredMiddleware[] {
  return files.map((file) => exportedBy(file, loadOne(file, loader)));
}

function loadOne(file: string, loader: ModuleLoader): unknown {
  try {
    return loader.load(file);
  } catch (thrown) {
    const cause = plainError(thrown);
    const { file: at, line } = isJetplugError(cause) ? cause : {};
    const known = at === undefined ? undefined : { file: at, ...(line !== undefined && { line }) };
    const message = `plugins.use: ${file} cannot be loaded: ${cause.message}`;
    const place = known ?? placeIn(loader.sources, thrown) ?? { file };
    throw new JetplugError('JP_MIDDLEWARE_NOT_LOADED', message, { ...place, cause });
  }
}

/** Returns the middleware that a module exports: as default, or as its only function. */
function exportedBy(file: string, exports: unknown): DeclaredMiddleware {
  if (isMiddleware(exports)) return exports;
  const chosen = readMember(exports, 'default');
  if (isMiddleware(chosen)) return chosen;
  const names = Object.keys(exports ?? {}).filter((name) => isMiddleware(readMember(exports, name)));
  const [only] = names;
  if (names.length === 1) return readMember(exports, only!) as DeclaredMiddleware;
  const seen = names.length === 0 ? 'no middleware' : `several functions and none as default: ${names.join(', ')}`;
  throw new JetplugError('JP_MIDDLEWARE_NOT_LOADED', `plugins.use: ${file} exports ${seen}`, { file, line: 1 });
}
