/** From the paths of the repository to those of the site, and from headings to anchors. */
import { posix } from 'node:path';

/** The folder of the site with the source files that pages link to. */
const SOURCE_FOLDER = 'source';

/** Says what a path from the root of the repository is, or undefined if there is nothing. */
export type Look = (path: string) => 'file' | 'folder' | undefined;

/** A link of a page, as the site has it. */
export type SiteLink =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'page'; readonly href: string }
  /** The site has a copy of the file, as text. */
  | { readonly kind: 'source'; readonly href: string; readonly file: string }
  /** The site has no page for a folder: the link becomes its text. */
  | { readonly kind: 'folder' };

/** The page's path in the site: `docs/events.md` is `events.md`, and the README is the start page. */
export function sitePage(page: string): string {
  return page === 'README.md' ? 'index.md' : page.replace(/^docs\//, '').toLowerCase();
}

/** The place of a source file's copy in the site. Every web server sends it as text, which browsers show. */
export function siteSource(file: string): string {
  return `${SOURCE_FOLDER}/${file}.txt`;
}

/** Throws if the target does not exist in the repository. */
export function siteLink(page: string, target: string, look: Look): SiteLink {
  if (target.startsWith('#') || /^[a-z]+:/.test(target)) return { kind: 'unchanged' };
  const [path = '', anchor] = target.split('#');
  const file = posix.join(posix.dirname(page), path);
  const found = look(file);
  if (found === undefined) throw new Error(`${page} links to ${target}, which does not exist`);
  if (found === 'folder') return { kind: 'folder' };
  if (!file.endsWith('.md')) return { kind: 'source', file, href: `/${siteSource(file)}` };
  return { kind: 'page', href: `/${sitePage(file)}${anchor === undefined ? '' : `#${anchor}`}` };
}

/** The anchor of a heading, as code hosts make it. */
export function slugOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}
