import type { ConsumerConfig } from './client';

/** Returns the subjects that a durable delivers. */
export function filtersOf({ filter_subject: one, filter_subjects: several = [] }: ConsumerConfig): string[] {
  const filters = one ? [one] : several;
  return filters.length > 0 ? filters : ['>'];
}
