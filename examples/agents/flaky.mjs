// Shows: an agent that crashes now and then; its last words on stderr end up in its exit record.
const MEAN_LIFE = 15_000;

const life = MEAN_LIFE * (0.5 + Math.random());
console.log(`incarnation ${process.env.SUPERTREE_INCARNATION} lives about ${Math.round(life / 1000)} s`);

setTimeout(() => {
  console.error('flaky: the disk is on fire');
  process.exit(3);
}, life);
