/** Builds the docs as a site: `npm run docs:build`. The pages stay plain Markdown, which code hosts show, too. */
import { copyFileSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig, type DefaultTheme, type MarkdownOptions } from 'vitepress';
import { siteLink, sitePage, siteSource, slugOf, type Look } from './links';
import { GROUPS } from './pages';

type MarkdownIt = Parameters<NonNullable<MarkdownOptions['config']>>[0];
type Tokens = Parameters<MarkdownIt['renderer']['render']>[0];

/** The variables of VitePress for a page. `path` is that in the site where `realPath` is set. */
interface PageVariables {
  readonly path: string;
  readonly realPath?: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = GROUPS.flatMap((group) => group.pages);
const linkedSources = new Set<string>();

export default defineConfig({
  title: 'Jetplug',
  description: 'An event host on NATS JetStream: drop a subscriber plugin into a folder and it consumes.',
  lang: 'en',
  srcDir: '..',
  srcExclude: ['!(docs)/**/*.md', '!(README|CONTRIBUTING|CHANGELOG).md'],
  outDir: '../dist/site',
  cacheDir: '../dist/site-cache',
  rewrites: sitePage,
  head: [['link', { rel: 'icon', href: iconOfThePage() }]],
  markdown: {
    anchor: { slugify: slugOf },
    attrs: { disable: true },
    config: adaptMarkdown,
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
  },
  themeConfig: {
    outline: [2, 3],
    search: { provider: 'local' },
    sidebar: GROUPS.map(({ text, pages: members }) => ({ text, items: members.map(sidebarItem) })),
  },
  buildEnd: ({ outDir }) => {
    for (const file of linkedSources) copySource(file, outDir);
  },
});

function sidebarItem(page: string): DefaultTheme.SidebarItem {
  const heading = /^# (.+)$/m.exec(readFileSync(join(root, page), 'utf8'))?.[1];
  if (heading === undefined) throw new Error(`${page} has no heading`);
  return { text: heading, link: `/${sitePage(page)}` };
}

function adaptMarkdown(md: MarkdownIt): void {
  md.core.ruler.push('links of the repository', ({ tokens, env }) => {
    const { realPath, path } = env as PageVariables;
    const page = relative(root, realPath ?? path);
    for (const token of tokens) if (token.children) token.children = withSiteLinks(token.children, page);
  });
  const render = md.render.bind(md);
  // Vue reads two braces as an expression. In these pages they are text.
  md.render = (text, env) => render(text, env).replaceAll('{{', '&#123;&#123;');
}

/** The tokens of a line or paragraph with its links as the site has them. */
function withSiteLinks(tokens: Tokens, page: string): Tokens {
  const open: boolean[] = [];
  return tokens.filter((token) => {
    if (token.type === 'link_close') return open.pop();
    if (token.type !== 'link_open') return true;
    const link = siteLink(page, decodeURI(token.attrGet('href') ?? ''), look);
    if (link.kind === 'source') linkedSources.add(link.file);
    if (link.kind === 'page' || link.kind === 'source') token.attrSet('href', link.href);
    open.push(link.kind !== 'folder');
    return link.kind !== 'folder';
  });
}

const look: Look = (path) => {
  const found = statSync(join(root, path), { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  // Not in the sidebar, so it cannot be reached in the site.
  if (path.endsWith('.md') && !pages.includes(path)) throw new Error(`${path} is missing in docs/.vitepress/pages.ts`);
  return found.isDirectory() ? 'folder' : 'file';
};

function copySource(file: string, outDir: string): void {
  const copy = join(outDir, siteSource(file));
  mkdirSync(dirname(copy), { recursive: true });
  copyFileSync(join(root, file), copy);
}

/** The icon of a running host's page. */
function iconOfThePage(): string {
  const icon = /rel="icon"\s+href="([^"]+)"/.exec(readFileSync(join(root, 'page/index.html'), 'utf8'))?.[1];
  if (icon === undefined) throw new Error('page/index.html has no icon');
  return icon;
}
