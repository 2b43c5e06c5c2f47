// Runs a program on this terminal between two looks at the terminal's mode.   node stty-around.js PROGRAM.js
import { spawnSync } from 'node:child_process';

const mode = () => spawnSync('stty', ['-a'], { stdio: ['inherit', 'pipe', 'inherit'], encoding: 'utf8' }).stdout;
const before = mode();
spawnSync(process.execPath, process.argv.slice(2), { stdio: 'inherit' });
const after = mode();
console.log(before !== '' && before === after ? 'terminal mode: the same' : `terminal mode: ${before}\n${after}`);
