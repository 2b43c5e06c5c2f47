// What `npm run bench -- tui` measures, on a pseudo-terminal: the product's screen, or the same frames by the least that
// can be written (`floor`). SIGUSR2 sets the data in motion.
import { runTui } from '../../tui/main.ts';
import { runFloor } from './floor.ts';
import { MovingDesk } from './moving-desk.ts';

const desk = new MovingDesk(Date.now());
process.on('SIGUSR2', () => desk.move());
if (process.argv[2] === 'floor') await runFloor(desk);
else await runTui(desk, { stdin: process.stdin, stdout: process.stdout });
await desk.close();
process.exit(0);
