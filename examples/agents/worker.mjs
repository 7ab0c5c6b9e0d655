// Shows: one of several equal workers of a pool; its name tells which one it is.
const name = process.env.SUPERTREE_AGENT_PATH;

setInterval(() => console.log(`${name}: did a piece of work`), 20_000);

console.log(`${name}: ready`);
