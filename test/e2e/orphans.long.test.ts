import { vi } from 'vitest';
import { reapsOrphans } from './reaps-orphans.js';

vi.setConfig({ testTimeout: 600_000 });
reapsOrphans(200, 3000);
