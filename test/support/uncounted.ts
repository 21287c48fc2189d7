/**
 * Imported first by tests that try whole programs: lines that are run from here on, here and in programs that are started,
 * are not counted. Counting makes them a third slower, and other tests run the same lines.
 */
import { stopCoverage } from 'node:v8';

stopCoverage();
delete process.env.NODE_V8_COVERAGE;
