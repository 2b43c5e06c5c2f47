/** 30 numbers, as a host of few disks has. */
export const METRICS = Array.from({ length: 30 }, (_, i) => ({ name: `metric.${i}`, unit: '%', scale: 0.01 }));
