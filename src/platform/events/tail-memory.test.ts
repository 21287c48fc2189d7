import { tailConformance } from './tail.conformance.ts';
import { createMemoryTail } from './tail-memory.ts';

tailConformance('memory', async () => ({ open: async () => createMemoryTail(), close: async () => {} }));
