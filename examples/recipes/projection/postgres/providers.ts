import type { Providers } from 'jetplug/sdk';
import { SalesDatabase } from './sales-database';

export default [SalesDatabase] satisfies Providers;
