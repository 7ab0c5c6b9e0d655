import { hookTests } from './hooks.js';

hookTests('local');
