// Shows: an agent that ignores SIGTERM; supertree asks, insists, and then ends it with SIGKILL.
process.on('SIGTERM', () => console.log('stubborn: no'));
process.on('SIGINT', () => console.log('stubborn: not for that either'));

setInterval(() => {}, 60_000);

console.log('stubborn: ready');
