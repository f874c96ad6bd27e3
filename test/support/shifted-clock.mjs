// Preloaded into a process of a test: its wall clock is CLOCK_SHIFT_MS ahead, from the start or from SIGUSR2 on.
const RealDate = globalThis.Date;
let shiftMs = process.env.CLOCK_SHIFT_AT === 'signal' ? 0 : Number(process.env.CLOCK_SHIFT_MS);

globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [RealDate.now() + shiftMs] : given));
  }
  static now() {
    return RealDate.now() + shiftMs;
  }
};

process.on('SIGUSR2', () => {
  shiftMs = Number(process.env.CLOCK_SHIFT_MS);
});
