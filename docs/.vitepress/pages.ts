/**
 * The sidebar of the site: its groups, one for each kind of reader, and their pages in the order of reading. Paths are
 * from the root of the repository. A page's name in the sidebar is its heading. A test fails for a page of `docs/` that
 * is missing here.
 */
export const GROUPS: readonly { readonly text: string; readonly pages: readonly string[] }[] = [
  {
    text: 'Start',
    pages: ['README.md', 'docs/own-project.md', 'docs/story.md', 'docs/when.md', 'docs/coming-from.md'],
  },
  {
    text: 'Write',
    pages: [
      'docs/plugins.md',
      'docs/mistakes.md',
      'docs/middleware.md',
      'docs/providers.md',
      'docs/testing.md',
      'docs/recipes.md',
    ],
  },
  {
    text: 'Publish',
    pages: ['docs/events.md', 'docs/outbox.md'],
  },
  {
    text: 'Operate',
    pages: [
      'docs/operating.md',
      'docs/deploying.md',
      'docs/containers.md',
      'docs/dead-letters.md',
      'docs/page.md',
      'docs/tracing.md',
      'docs/monitoring.md',
      'docs/opentelemetry.md',
      'docs/broker.md',
      'docs/disasters.md',
      'docs/performance.md',
      'docs/scaling.md',
      'docs/api.md',
      'docs/errors.md',
    ],
  },
  {
    text: 'Understand',
    pages: [
      'docs/lifecycle.md',
      'docs/reliability.md',
      'docs/simulation.md',
      'docs/design/commit-log.md',
      'docs/glossary.md',
      'CONTRIBUTING.md',
      'CHANGELOG.md',
    ],
  },
];
