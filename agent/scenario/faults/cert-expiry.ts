/** The fault is a file; its process only keeps the time, and clears up when nobody else is left to do so. */
import { stayBounded } from './bound.ts';

stayBounded();
