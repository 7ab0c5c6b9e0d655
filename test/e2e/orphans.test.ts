import { reapsOrphans } from './reaps-orphans.js';

reapsOrphans(20, 200);
