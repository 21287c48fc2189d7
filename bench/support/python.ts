import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A Python of its own below `dir`, with what the peers on FastAPI need from PyPI. Answers where it is. */
export function installPython(dir: string): string {
  const python = join(dir, 'venv', 'bin', 'python');
  execFileSync('python3', ['-m', 'venv', join(dir, 'venv')]);
  execFileSync(python, ['-m', 'pip', 'install', '-q', '-r', 'bench/peers/fastapi/requirements.txt'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return python;
}
